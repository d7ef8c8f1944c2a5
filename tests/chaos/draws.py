"""What may go astray at random: by how much, when and for how long; always the same for the same text."""

from __future__ import annotations

import math
import random
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from drawn import LONGEST, Drawn  # found by the line above

from station.model.fault import Value

A_WHILE = (0.05, 20.0)
"""Seconds after which some of what went astray is right again."""
FROM_THE_START, FOR_GOOD = 0.35, 0.6
"""Shares of the runs."""

Draw = Callable[[random.Random], Value]


def between(low: float, high: float, form: str = "{:.4g}") -> Draw:
    """A number of any order of magnitude between two."""

    def draw(chance: random.Random) -> Value:
        text = form.format(math.exp(chance.uniform(math.log(low), math.log(high))))
        return text if form.startswith("times") else float(text)

    return draw


def times(low: float, high: float) -> Draw:
    """What it is, times a number of any order of magnitude between two."""
    return between(low, high, "times {:.4g}")


def near(middle: float, most: float) -> Draw:
    """A number that differs from `middle` by at most so much, either way, by any order of magnitude."""
    return lambda chance: float(
        f"{middle + chance.choice((-1, 1)) * math.exp(chance.uniform(math.log(most / 100), math.log(most))):.5g}"
    )


def one_of(*words: Value) -> Draw:
    """One of these."""
    return lambda chance: chance.choice(words)


def astray(table: Mapping[str, Draw], number: int, text: str, *, packs_own: bool = False) -> Drawn:
    """One parameter of a table, what becomes of it, and when: the draw of that number for that text."""
    chance = random.Random(f"{text} {number}")
    name = chance.choice(tuple(table))
    at = 0.0 if chance.random() < FROM_THE_START else round(chance.uniform(0.0, LONGEST), 3)
    low, high = map(math.log, A_WHILE)
    lasts = None if chance.random() < FOR_GOOD else round(math.exp(chance.uniform(low, high)), 3)
    return Drawn(number, name, table[name](chance), at, lasts, packs_own)
