"""One connection or line of the bench fails in the middle of an end-of-line test of a good pack: never a wrong verdict.

`cuts.py [--runs N] [--draw TEXT] [--only NUMBER] [--jobs N]`: in each run one network cable or serial line is cut,
silenced, delayed or garbled (1 to 20 % of its bytes) from a random moment on, for good or for a while. It must end as
ERROR, or as PASS where nothing was lost that matters. Where only the pack's own end of a line fell silent, or became
slow, FAIL is right, too.
"""

from __future__ import annotations

import random
import sys
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from drawn import LONGEST, Drawn, program  # found by the line above

CUTS = 1000
A_WHILE = (0.05, 10.0)
"""Seconds after which some of what fails is whole again."""
CABLES, LINES = ("supply", "load", "voltmeter", "switch"), ("rs485_a", "rs485_b", "rs232")


@dataclass(frozen=True, slots=True)
class Kind:
    """A way to fail: the parameters of the twin, and between what its strength is drawn."""

    parameter: str
    on: tuple[str, ...]
    strength: tuple[float, float] | None = None
    packs_own: bool = False
    """Whether the pack's end fails, as far as the station can tell; then it may FAIL."""


KINDS = (
    Kind("connections.{}.cut", CABLES),
    Kind("connections.{}.silent", CABLES),
    Kind("connections.{}.delay", CABLES, (0.02, 4.0)),
    Kind("connections.{}.garbled", CABLES, (0.01, 0.2)),
    Kind("connections.{}.closed_after", CABLES, (50.0, 5000.0)),
    Kind("lines.{}.cut", LINES),
    Kind("lines.{}.mute", LINES, packs_own=True),
    Kind("lines.{}.deaf", LINES, packs_own=True),
    Kind("lines.{}.delay", LINES, (0.02, 2.0), packs_own=True),
    Kind("lines.{}.bit_errors", LINES, (0.01, 0.2)),
)


def cut(number: int, draw: str) -> Drawn:
    """The cut of that number; always the same for the same text."""
    chance = random.Random(f"{draw} {number}")
    where = chance.choice(CABLES + LINES)
    kind = chance.choice([each for each in KINDS if where in each.on])
    at = round(chance.uniform(0.0, LONGEST), 3)
    lasts = round(chance.uniform(*A_WHILE), 3) if chance.random() < 1 / 3 else None
    strength = True if kind.strength is None else float(f"{chance.uniform(*kind.strength):.3g}")
    return Drawn(number, kind.parameter.format(where), strength, at, lasts, kind.packs_own)


if __name__ == "__main__":
    sys.exit(program(cut, "a connection or line", CUTS))
