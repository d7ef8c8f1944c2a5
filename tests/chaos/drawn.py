"""Faults that are drawn at random, each in an end-of-line run of a good pack in virtual time: never a wrong verdict.

The bench is safe afterwards and the pack has its thresholds, or the record says that not.
"""

from __future__ import annotations

import argparse
import functools
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from workers import commit, each  # found by the line above

from station.model.events import OriginalsKept, OutputChanging, ParametersChanging
from station.model.fault import FaultFile, Value
from station.model.verdict import Verdict
from station.studies.deeds import Prepare, Scene
from station.studies.rig import Ran, Rig, Station
from station.studies.simulation import DEFAULT_STATE, Simulated
from station.twin.states import read_state

SEQUENCE, SERIAL = "eol", "BALI48-000001"
LONGEST = 185.0
"""Seconds of a run within which something fails."""
SAFE_CURRENT = 1.0
"""A; below it a bench is safe."""
TOLD_EVERY = 50
"""Runs after which a program says how far it is."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """What fails: a parameter of the twin, what it becomes, when and for how long (s; None: for good)."""

    number: int
    parameter: str
    value: Value
    at: float
    lasts: float | None
    packs_own: bool = False
    """Whether the pack's end fails, as far as the station can tell; then it may FAIL."""

    @property
    def fault(self) -> FaultFile:
        """As a fault file says it; its number is the seed of its pack."""
        when = {"at": f"{self.at} s", **({} if self.lasts is None else {"for": f"{self.lasts} s"})}
        return FaultFile.model_validate({
            "fault": "drawn", "title": str(self), "class": "bench", "when": when,
            "change": {self.parameter: self.value},
        })  # fmt: skip

    def __str__(self) -> str:
        lasts = "for good" if self.lasts is None else f"for {self.lasts:g} s"
        return f"{self.number:4} {self.parameter}: {self.value} at {self.at:g} s {lasts}"


@dataclass(frozen=True, slots=True)
class Ended:
    """What became of the run; it was right if nothing is `wrong`."""

    drawn: Drawn
    verdict: Verdict
    reason: str
    wrong: tuple[str, ...] = ()

    def __str__(self) -> str:
        return "  ".join((f"{self.drawn!s:<70}", f"{self.verdict:<7}", *self.wrong, self.reason))


def carried_out(drawn: Drawn) -> Ended:
    """Run it, and look at record and twin."""
    station = _station()
    simulated = Simulated(read_state(DEFAULT_STATE, station.files.library), (drawn.fault,), drawn.number)
    before = dict[int, int]()

    def remember(rig: Rig) -> None:
        before.update(rig.twin.bms.memory.words)

    prepare: Prepare = remember
    with tempfile.TemporaryDirectory(prefix="drawn-") as data:
        ran = Scene(station, simulated, SERIAL, Path(data)).ran(prepare)
    return Ended(drawn, ran.record.verdict, ran.record.reason, tuple(_wrong(drawn, ran, before)))


def _wrong(drawn: Drawn, ran: Ran, before: Mapping[int, int]) -> Iterator[str]:
    record, twin = ran.record, ran.twin
    right = {Verdict.PASS, Verdict.ERROR, *([Verdict.FAIL] if drawn.packs_own else ())}
    if not any(isinstance(event, OutputChanging | ParametersChanging) for event in ran.events):
        right |= {Verdict.BLOCKED}
    if "the emergency stop chain is open" in record.reason:
        right |= {Verdict.ABORTED}
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


def program(
    draw_one: Callable[[int, str], Drawn],
    what: str,
    count: int,
    carry_out: Callable[[Drawn], Ended] = carried_out,
) -> int:
    """Print each wrong run, then how many there were; 1 if any. `draw_one` draws by number and text."""
    parser = argparse.ArgumentParser(description=f"Let {what} fail at random in the end-of-line test.")
    parser.add_argument("--runs", type=int, default=count, help="so many runs")
    parser.add_argument("--draw", default=commit(), help="what they are drawn by; the commit, if not said")
    parser.add_argument("--only", type=int, help="the run of this number alone")
    parser.add_argument("--all", action="store_true", help="print every run, not the wrong ones only")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)), help="so many at once")
    chosen = parser.parse_args()
    numbers = range(1, chosen.runs + 1) if chosen.only is None else [chosen.only]
    runs = [draw_one(number, chosen.draw) for number in numbers]
    verdicts, wrong = Counter[str](), 0
    for done, ended in enumerate(each(carry_out, runs, chosen.jobs), 1):
        verdicts[ended.verdict] += 1
        wrong += bool(ended.wrong)
        if ended.wrong or chosen.all:
            print(ended, flush=True)
        if done % TOLD_EVERY == 0:
            print(f"{done} of {len(runs)}, {wrong} wrong", file=sys.stderr, flush=True)
    found = ", ".join(f"{count} {verdict}" for verdict, count in verdicts.most_common())
    print(f"{wrong} wrong of {len(runs)} runs ({found})")
    return 1 if wrong else 0
