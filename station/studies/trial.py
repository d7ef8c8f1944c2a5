"""One trial of a study: a case, the run that it gets, and whether that came out as it must."""

from __future__ import annotations

import functools
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from station.model.fault import Expected, FaultFile
from station.model.record import Record
from station.model.verdict import Verdict
from station.studies.deeds import VERIFY, CannotBeDone, Ending, Scene, do
from station.studies.rig import Station
from station.studies.simulation import Simulated
from station.twin.states import State

_NOTHING_EXPECTED = Expected(verdict=Verdict.PASS)


class Outcome(StrEnum):
    """What became of a trial."""

    RIGHT = "right"
    GAP = "gap"
    """The fault is one that no such test can see, and it was not seen."""
    NOT_DONE = "not done"
    """The station gives no occasion for it."""
    ESCAPED = "escaped"
    """PASS, where anything else was due."""
    WRONG_VERDICT = "wrong verdict"
    WRONG_STEP = "wrong step"
    """The verdict is right, but another step decided it than must."""

    @property
    def good(self) -> bool:
        """Whether nobody has to do anything about it."""
        return self in (Outcome.RIGHT, Outcome.GAP, Outcome.NOT_DONE)


@dataclass(frozen=True, slots=True)
class Case:
    """What is on the bench and what is wrong there."""

    faults: tuple[FaultFile, ...]
    state: State
    seed: int = 1
    magnitude: int = 1
    is_good_pack: bool = False

    @property
    def name(self) -> str:
        """Its faults."""
        return " + ".join(fault.fault for fault in self.faults)

    @property
    def class_(self) -> str:
        """Whose fault it is."""
        return " + ".join(sorted({fault.class_ for fault in self.faults}))

    @property
    def expected(self) -> tuple[Expected, ...]:
        """What must come of each of them; of several that must not PASS, what comes of any."""
        every = tuple(fault.expect or _NOTHING_EXPECTED for fault in self.faults)
        return tuple(each for each in every if each.verdict is not Verdict.PASS) or every[:1]

    @property
    def deciders(self) -> tuple[str, ...]:
        """The steps of which one must decide, where only these may.

        A certificate that was altered must be refused whatever the run came to; of two other faults, either may decide.
        """
        if any(VERIFY in fault.expect.steps for fault in self.faults if fault.expect is not None):
            return (VERIFY,)
        return self.expected[0].steps if len(self.expected) == 1 else ()

    @property
    def setting(self) -> str:
        """What is changed, and to what, or done."""
        return ", ".join(part for fault in self.faults for part in _setting(fault))


def _setting(fault: FaultFile) -> Iterator[str]:
    yield from (f"{name}: {value}" for name, value in fault.settings.items())
    if fault.do is not None:
        yield from (f"{word}: {getattr(fault.do, word)}" for word in sorted(fault.do.model_fields_set))


@dataclass(frozen=True, slots=True)
class Margin:
    """How far a value stood from what is accepted: 1 in the middle (or at zero), 0 at the limit, less beyond it."""

    measurement: str
    share: float
    value: float
    low: float | None
    high: float | None
    unit: str


@dataclass(frozen=True, slots=True)
class Tried:
    """A case after its run."""

    case: Case
    outcome: Outcome
    verdict: Verdict | None
    step: str
    reason: str
    cpu_s: float
    margins: tuple[Margin, ...] = ()


def try_out(case: Case, sequence: str, bench: str, serial_number: str, folder: str | None = None) -> Tried:
    """Carry a case out, with its data in `folder` until it is over.

    What does not change from case to case is read once for each process.
    """
    station, began = _station(sequence, bench), time.process_time()
    deeds = [fault.do for fault in case.faults if fault.do is not None]
    with tempfile.TemporaryDirectory(dir=folder, prefix="study-", ignore_cleanup_errors=True) as data:
        scene = Scene(station, Simulated(case.state, case.faults, case.seed), serial_number, Path(data))
        try:
            ending = do(deeds[0], scene) if deeds else scene.run()
        except CannotBeDone as error:
            return Tried(case, Outcome.NOT_DONE, None, "", str(error), time.process_time() - began)
    margins = tuple(_margins(ending.record)) if ending.record and case.is_good_pack else ()
    took = time.process_time() - began
    return Tried(case, judge(case, ending), ending.verdict, ending.step, ending.reason, took, margins)


@functools.cache
def _station(sequence: str, bench: str) -> Station:
    return Station.of(sequence, bench)


def judge(case: Case, ending: Ending) -> Outcome:
    """Whether it ended as it must: by its verdict and by the step that decided."""
    fitting = [each for each in case.expected if each.verdict is ending.verdict]
    if not fitting:
        return Outcome.ESCAPED if ending.verdict is Verdict.PASS else Outcome.WRONG_VERDICT
    if case.deciders and ending.step not in case.deciders:
        return Outcome.WRONG_STEP
    return Outcome.GAP if any(each.gap is not None for each in fitting) else Outcome.RIGHT


def _margins(record: Record) -> Iterator[Margin]:
    for each in record.measurements:
        value = each.value
        if each.verdict is None or each.uncertainty in (None, 0.0) or isinstance(value, bool | str) or value is None:
            continue  # judged as a word or a count, which is right or wrong and nothing between
        room, reach = _room(value, each.accept_low, each.accept_high)
        if reach > 0:
            yield Margin(each.id, room / reach, value, each.accept_low, each.accept_high, each.unit)


def _room(value: float, low: float | None, high: float | None) -> tuple[float, float]:
    """How far a value is inside its limits, and how far it can be; with one limit only, as far as that is from 0."""
    if low is not None and high is not None:
        return min(value - low, high - value), (high - low) / 2
    if high is not None:
        return high - value, abs(high)
    return (value - low, abs(low)) if low is not None else (0.0, 0.0)
