"""One connection or line of the bench fails in the middle of an end-of-line test of a good pack: never a wrong verdict.

`cuts.py [--cuts N] [--draw TEXT] [--only NUMBER] [--jobs N]`: in each run, in virtual time, one network cable or serial
line is cut, silenced, delayed or garbled (1 to 20 % of its bytes) from a random moment on, for good or for a while. It
must end as ERROR, or as PASS where nothing was lost that matters. Where only the pack's own end of a line fell silent,
or became slow, FAIL is right, too. The bench is safe and the pack has its thresholds, or the record says that not.
"""

from __future__ import annotations

import argparse
import functools
import os
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from kills import commit  # found by the line above
from workers import each

from station.model.events import OriginalsKept, OutputChanging, ParametersChanging
from station.model.fault import FaultFile
from station.model.verdict import Verdict
from station.studies.deeds import Prepare, Scene
from station.studies.rig import Ran, Rig, Station
from station.studies.simulation import DEFAULT_STATE, Simulated
from station.twin.states import read_state

SEQUENCE, SERIAL = "eol", "BALI48-000001"
LONGEST = 185.0
"""Seconds of a run within which something fails."""
A_WHILE = (0.05, 10.0)
"""Seconds after which some of what fails is whole again."""
SAFE_CURRENT = 1.0
"""A; below it a bench is safe."""
TOLD_EVERY = 50
"""Runs after which the program says how far it is."""
CABLES, LINES = ("supply", "load", "voltmeter", "switch"), ("rs485_a", "rs485_b", "rs232")


@dataclass(frozen=True, slots=True)
class Kind:
    """A way to fail: the parameters of the twin, and between what its strength is drawn."""

    name: str
    parameter: str
    on: tuple[str, ...]
    strength: tuple[float, float] | None = None
    packs_own: bool = False
    """Whether the pack's end fails, as far as the station can tell; then it may FAIL."""


KINDS = (
    Kind("cut", "connections.{}.cut", CABLES),
    Kind("silent", "connections.{}.silent", CABLES),
    Kind("delayed", "connections.{}.delay", CABLES, (0.02, 4.0)),
    Kind("garbled", "connections.{}.garbled", CABLES, (0.01, 0.2)),
    Kind("closed", "connections.{}.closed_after", CABLES, (50.0, 5000.0)),
    Kind("cut", "lines.{}.cut", LINES),
    Kind("mute", "lines.{}.mute", LINES, packs_own=True),
    Kind("deaf", "lines.{}.deaf", LINES, packs_own=True),
    Kind("delayed", "lines.{}.delay", LINES, (0.02, 2.0), packs_own=True),
    Kind("garbled", "lines.{}.bit_errors", LINES, (0.01, 0.2)),
)


@dataclass(frozen=True, slots=True)
class Cut:
    """What fails, how, when and for how long (s; None: for good), in a pack of its own."""

    number: int
    kind: Kind
    where: str
    at: float
    lasts: float | None
    strength: float | None

    @property
    def fault(self) -> FaultFile:
        """As a fault file says it."""
        when = {"at": f"{self.at} s", **({} if self.lasts is None else {"for": f"{self.lasts} s"})}
        value = True if self.strength is None else self.strength
        return FaultFile.model_validate({
            "fault": "cut", "title": str(self), "class": "bench", "when": when,
            "change": {self.kind.parameter.format(self.where): value},
        })  # fmt: skip

    def __str__(self) -> str:
        how = "" if self.strength is None else f" {self.strength:g}"
        lasts = "for good" if self.lasts is None else f"for {self.lasts:g} s"
        return f"{self.number:4} {self.where} {self.kind.name}{how} at {self.at:g} s {lasts}"


@dataclass(frozen=True, slots=True)
class Ended:
    """What became of the run; it was right if nothing is `wrong`."""

    cut: Cut
    verdict: Verdict
    reason: str
    wrong: tuple[str, ...] = ()


def cut(number: int, draw: str) -> Cut:
    """The cut of that number; always the same for the same text."""
    chance = random.Random(f"{draw} {number}")
    where = chance.choice(CABLES + LINES)
    kind = chance.choice([each for each in KINDS if where in each.on])
    at = round(chance.uniform(0.0, LONGEST), 3)
    lasts = round(chance.uniform(*A_WHILE), 3) if chance.random() < 1 / 3 else None
    strength = None if kind.strength is None else float(f"{chance.uniform(*kind.strength):.3g}")
    return Cut(number, kind, where, at, lasts, strength)


def carried_out(cut: Cut) -> Ended:
    """Run it, and look at record and twin."""
    station = _station()
    simulated = Simulated(read_state(DEFAULT_STATE, station.files.library), (cut.fault,), cut.number)
    before = dict[int, int]()

    def remember(rig: Rig) -> None:
        before.update(rig.twin.bms.memory.words)

    prepare: Prepare = remember
    with tempfile.TemporaryDirectory(prefix="cut-") as data:
        ran = Scene(station, simulated, SERIAL, Path(data)).ran(prepare)
    return Ended(cut, ran.record.verdict, ran.record.reason, tuple(_wrong(cut, ran, before)))


def _wrong(cut: Cut, ran: Ran, before: dict[int, int]) -> Iterator[str]:
    record, twin = ran.record, ran.twin
    right = {Verdict.PASS, Verdict.ERROR, *([Verdict.FAIL] if cut.kind.packs_own else ())}
    if not any(isinstance(event, OutputChanging | ParametersChanging) for event in ran.events):
        right.add(Verdict.BLOCKED)
    if record.verdict not in right:
        yield f"verdict {record.verdict}"
    if record.verdict is Verdict.ERROR and "internal error" in record.reason:
        yield "an error of the station itself"
    if abs(twin.pack.current) > SAFE_CURRENT and not record.safe_state.startswith("NOT PROVEN"):
        yield f"{twin.pack.current:.1f} A flow, the record says `{record.safe_state}`"
    kept = {int(address) for event in ran.events if isinstance(event, OriginalsKept) for address in event.words}
    shifted = sorted(address for address in kept if twin.bms.memory.words[address] != before[address])
    if shifted and not record.thresholds.startswith("NOT"):
        yield f"registers {shifted} are shifted, the record says `{record.thresholds}`"


@functools.cache
def _station() -> Station:
    return Station.of(SEQUENCE)


def line(ended: Ended) -> str:
    """One line for a run."""
    return "  ".join((f"{ended.cut!s:<60}", f"{ended.verdict:<7}", *ended.wrong, ended.reason))


def main() -> int:
    """Print each wrong run, then how many there were; 1 if any."""
    parser = argparse.ArgumentParser(description="Let a connection or line fail at random in the end-of-line test.")
    parser.add_argument("--cuts", type=int, default=1000, help="so many runs")
    parser.add_argument("--draw", default=commit(), help="what they are drawn by; the commit, if not said")
    parser.add_argument("--only", type=int, help="the run of this number alone")
    parser.add_argument("--all", action="store_true", help="print every run, not the wrong ones only")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)), help="so many at once")
    chosen = parser.parse_args()
    numbers = range(1, chosen.cuts + 1) if chosen.only is None else [chosen.only]
    verdicts, wrong = Counter[str](), 0
    cuts = [cut(number, chosen.draw) for number in numbers]
    for done, ended in enumerate(each(carried_out, cuts, chosen.jobs), 1):
        verdicts[ended.verdict] += 1
        wrong += bool(ended.wrong)
        if ended.wrong or chosen.all:
            print(line(ended), flush=True)
        if done % TOLD_EVERY == 0:
            print(f"{done} of {len(cuts)}, {wrong} wrong", file=sys.stderr, flush=True)
    print(f"{wrong} wrong of {len(cuts)} cuts ({', '.join(f'{n} {each}' for each, n in verdicts.most_common())})")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
