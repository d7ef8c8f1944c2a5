"""What an action works with: the pack file, the bench, time that samples, and a place for what it found.

Every wait samples. `Stage.wait` is the only way to let time pass in a run, and it reads whatever is watched at that
moment, each at a cadence of its own; so nothing is ever unwatched, and a stop is noticed at once.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from station.bench import FEED_EVERY, OpenBench, Port, Watchdogs, Wiring
from station.bms.pace_modbus import Readings
from station.clock import Clock, Scopes
from station.model.ammeter import Comparison
from station.model.direction import Direction
from station.model.events import Event, Identified, Measured, Noted, Sampled
from station.model.limits import Judgement, Limit, judge
from station.model.pack import Pack
from station.model.prompt import Nobody, Person
from station.model.quantity import quantise
from station.model.record import Measurement, Waveform
from station.model.sequence import Step
from station.model.verdict import Verdict

TICK = 0.05
"""Longest time in seconds that passes in a wait without looking whether it is over."""
BEFORE_CURRENT = frozenset({"polarity", "terminal_voltage", "serial_number"})
"""What must be known good before a contactor may close (REQ-1-01): polarity, voltage, and which pack it is."""
READINGS_HOLD = 0.5
"""Seconds for which readings of the pack are good enough to be used again."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A value as it was taken: number or word, unit, expanded uncertainty, and what took it."""

    value: float | str | None
    unit: str = ""
    uncertainty: float | None = 0.0
    witness: str = "pack"

    @property
    def number(self) -> float:
        """The value where it is a number; raises TypeError for a word and for none."""
        if not isinstance(self.value, float):
            raise TypeError(f"{self.value!r} of {self.witness} is no number")
        return self.value


@dataclass(frozen=True, slots=True)
class Carried:
    """A value that an earlier run found good, which run that was, and how many seconds ago it began."""

    reading: Reading
    run: str
    age: float


@dataclass(slots=True)
class Flow:
    """A current that the station lets flow, whether it did when somebody last looked, and whether it may stop now."""

    direction: Direction
    amperes: float
    seen: bool = False
    may_stop: bool = False
    since: float = math.inf
    """When somebody first saw it flow, on the run's clock, since it last stood still."""


@dataclass(slots=True)
class Watch:
    """Something that is sampled while time passes."""

    every: float
    sample: Callable[[], None]
    due: float


@dataclass
class Found:
    """What earlier steps found out and later ones build on."""

    values: dict[str, Reading] = field(default_factory=dict)
    """Measurements that a stimulus took and a `measure` of the same run judges, such as `overcurrent_recovery`."""
    parameters: Mapping[int, int] | None = None
    """Raw words of all stored parameters as found, by address."""
    moments: dict[str, float] = field(default_factory=dict)
    """When something happened, on the run's clock, such as the last opening of a protection."""
    first_readings: Readings | None = None
    """What the pack said of itself when it was first asked."""
    drawn: float = 0.0
    """Ampere-seconds that the load has drawn from the pack, as its samples add up."""
    charged: float = 0.0
    """Ampere-seconds that the supply has put into it."""
    comparisons: list[Comparison] = field(default_factory=list)
    """The pack's ammeter against the shunt of the bench, wherever both were read at the same time."""
    known: set[str] = field(default_factory=set)
    """Which of `BEFORE_CURRENT` have been seen to be good in this run."""
    energised: bool = False
    """Whether current has flowed or a threshold was written; from then on nothing is BLOCKED any more."""


class Stage:
    """The surroundings of every action. Belongs to the run's thread."""

    def __init__(
        self,
        pack: Pack,
        bench: OpenBench,
        scopes: Scopes,
        emit: Callable[[Event], None],
        *,
        serial_number: str,
        started: float,
        port: str,
    ) -> None:
        """`started` is the clock's reading at the start of the run; `port` the line by which the pack is asked."""
        self.pack = pack
        self.bench = bench
        self.wiring = Wiring(bench)
        self.scopes = scopes
        self.clock: Clock = scopes.clock
        self.emit = emit
        self.serial_number = serial_number
        self.found = Found()
        self.step = Step(step="start-checks")
        self.around: Step | None = None
        """The step within which this one runs, if there is one."""
        self.path = "start-checks"
        self.attempt = 1
        self.port_name = port
        self.flow: Flow | None = None
        """The current that the station lets flow at this moment, if it does."""
        self.remedy = False
        """Whether the step is a remedy, which is judged by whether it helps."""
        self.alarms = ""
        """The group of alarms that is shifted beyond what the pack has, at this moment."""
        self.answers: Mapping[str, str] = {}
        """What the line, the MES or a scan says of this pack, by the name under which it is recorded."""
        self.person: Person = Nobody()
        """Whoever stands at the bench and can be asked."""
        self.shifts: frozenset[str] = frozenset()
        """The protections that some step of this run trips by threshold shift."""
        self.tested_before = False
        """Whether there is an earlier run of this pack."""
        self.carried: Mapping[str, Carried] = {}
        """What earlier runs found good, by measurement: `window/terminal_voltage`."""
        self.meanwhile: Callable[[], None] = lambda: None
        """Carries out the steps that run inside the first wait of this one; the engine puts it here, once."""
        self._started = started
        self.watchdogs = Watchdogs(bench)
        """Fed wherever time passes in this run, and nowhere else."""
        self._watches = [Watch(FEED_EVERY, self.watchdogs.feed, started)]
        self._taken: Counter[tuple[str, int]] = Counter()
        self._sampling = False
        self._readings: tuple[float, Readings] | None = None
        bench.pause = self._between_frames
        self.waited = 0.0
        """Seconds that pack and physics were waited for."""
        self.handled = 0.0
        """Seconds that a person was waited for, besides what the press of a key takes."""
        self._waits = False

    @property
    def flowing(self) -> Direction | None:
        """Which way the station lets current flow at this moment, if it does."""
        return self.flow.direction if self.flow else None

    # ------------------------------------------------------------------------------------------------ time

    @property
    def at_s(self) -> float:
        """Seconds since the start of the run."""
        return quantise(self.clock.now() - self._started, 1e-6)

    def wait(self, until: Callable[[], bool] | None = None, within: float = math.inf, every: float = TICK) -> bool:
        """Let time pass, sampling, until `until` holds or `within` seconds are over; says whether it held."""
        with self.waiting():
            return self._wait(until, within, every)

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Count the time of the block as waited for pack and physics, with all that is said meanwhile."""
        began, talked = self.clock.now(), self.scopes.talked
        inner, self._waits = self._waits, True
        try:
            yield
        finally:
            self._waits = inner
            if not inner:
                self.waited += self.clock.now() - began
                self.scopes.talked = talked

    @contextmanager
    def handled_by_person(self, of_pack: float) -> Iterator[None]:
        """Count the time of the block as waited for a person, but for `of_pack` seconds that any hand would take."""
        began, waited = self.clock.now(), self.waited
        try:
            with self.waiting():
                yield
        finally:
            passed = self.clock.now() - began
            own = min(of_pack, passed)
            self.handled += passed - own
            if self.waited > waited:
                self.waited = waited + own

    def _between_frames(self, seconds: float) -> None:
        """Let the gap of a protocol pass, sampling what is watched; that is communication."""
        began, talked = self.clock.now(), self.scopes.talked
        self._wait(None, seconds, TICK)
        self.scopes.talked = talked + self.clock.now() - began

    def _wait(self, until: Callable[[], bool] | None, within: float, every: float) -> bool:
        ends = self.clock.now() + within
        while True:
            self.scopes.left()
            self.sample()
            if until is not None and until():
                return True
            left = ends - self.clock.now()
            if left <= 0:
                return False
            self.clock.wait(max(min(left, every, self._next_due(), self.scopes.left()), 1e-4))

    def pause(self, seconds: float) -> None:
        """Let `seconds` pass, sampling what is watched."""
        self.wait(within=seconds)

    def sample(self) -> None:
        """Take every sample that is due; a sample that itself waits does not sample again."""
        if self._sampling:
            return
        self._sampling = True
        try:
            for watch in tuple(self._watches):
                now = self.clock.now()
                if now >= watch.due:
                    watch.due = now + watch.every
                    watch.sample()
        finally:
            self._sampling = False

    @contextmanager
    def watching(self, every: float, sample: Callable[[], None]) -> Iterator[None]:
        """Sample something every `every` seconds while the block runs."""
        watch = Watch(every, sample, self.clock.now())
        self._watches.append(watch)
        try:
            yield
        finally:
            self._watches.remove(watch)

    @contextmanager
    def stop_awaited(self) -> Iterator[None]:
        """The current that flows may stop while the block runs, which is somebody else's to judge."""
        flow = self.flow or Flow("discharge", 0.0)
        flow.may_stop = True
        try:
            yield
        finally:
            flow.may_stop = flow.seen = False

    def _next_due(self) -> float:
        now = self.clock.now()
        return min((watch.due - now for watch in self._watches), default=math.inf)

    # ------------------------------------------------------------------------------------------------ the pack

    @property
    def port(self) -> Port:
        """The line by which this run asks the pack."""
        return self.bench.port(self.port_name)

    def readings(self, fresh: bool = False, hold: float = READINGS_HOLD) -> Readings:
        """What the pack says of itself now; a reading that is `hold` seconds old will do unless `fresh`."""
        now = self.clock.now()
        if fresh or self._readings is None or now - self._readings[0] > hold:
            self._readings = (now, self.port.bms.readings())
            self.found.first_readings = self.found.first_readings or self._readings[1]
        return self._readings[1]

    def reacts_within(self, what: str) -> float:
        """Seconds in which the pack must show `what`."""
        return self.pack.reacts_within[what].si

    def current(self, name: str) -> float:
        """Amperes of a current that the pack file names, such as `standard`."""
        return self.pack.currents[name].si

    # ------------------------------------------------------------------------------------------------ what was found

    def judge(self, name: str, reading: Reading, *, limit: str | None = None, safety: bool = False) -> Verdict:
        """Judge a reading against a row of the pack file and keep both; says what it came to."""
        name_of_row = limit or self.step.limit_of(name)
        row = self.pack.limits[name_of_row]
        golden = self.bench.bench.golden.get(row.of or name_of_row)
        if row.is_.around == "golden" and golden is not None:
            row = row.model_copy(update={"is_": row.is_.at(golden.si, golden.si_unit)})
        carried = self._carried(name, reading, row)
        if carried is None:
            return self.judge_row(name, reading, row, safety=safety)
        self.record(f"{name}_now", reading)
        self.note(f"{name} has left {row.is_} since; its value is carried over from run {carried.run}")
        return self.judge_row(name, carried.reading, row, safety=safety, carried_over=True)

    def _carried(self, name: str, reading: Reading, row: Limit) -> Carried | None:
        """What an earlier run found of a value that has fallen out of its limit since, if that still counts: testing
        discharges, and what it does to a pack goes down; what rose is not its doing.
        """
        carried = self.carried.get(f"{self.path}/{name}")
        if carried is None or row.valid_for is None or not 0 <= carried.age <= row.valid_for.si:
            return None
        if not isinstance(reading.value, float):
            return None
        least = judge(reading.value, row.is_, reading.uncertainty, self.pack.decision, safety=row.safety).accept_low
        return carried if least is not None and reading.value < least else None

    def judge_row(
        self, name: str, reading: Reading, row: Limit, *, safety: bool = False, carried_over: bool = False
    ) -> Verdict:
        """The same for a limit that was made up from the pack file, such as a tolerance around a threshold."""
        value = _clean(reading.value)
        kept = Reading(value, reading.unit, reading.uncertainty, reading.witness)
        if isinstance(value, float) and row.is_.unit != reading.unit:
            outcome = Judgement(
                Verdict.ERROR, reason=f"measured in {reading.unit or 'nothing'}, limited in {row.is_.unit or 'nothing'}"
            )
        else:
            outcome = judge(value, row.is_, reading.uncertainty, self.pack.decision, safety=safety or row.safety)
        proves = tuple(f"REQ-{key.removeprefix('REQ-')}" for key in row.proves)
        low, high = (row.is_.expected, None) if row.is_.expected is not None else (row.is_.low, row.is_.high)
        self._keep(
            name, kept, outcome, low=low, high=high, proves=proves, safety=safety or row.safety, source=row.source,
            carried_over=carried_over,
        )  # fmt: skip
        if outcome.verdict is Verdict.PASS:
            self.found.known.add(name)
        return outcome.verdict

    def expect(
        self, name: str, found: str, expected: str, reason: str = "", *, proves: tuple[str, ...] = (), witness: str = ""
    ) -> Verdict:
        """Keep a state that was expected; found as expected is PASS, anything else FAIL for the reason given."""
        good = found == expected
        outcome = Judgement(
            Verdict.PASS if good else Verdict.FAIL,
            rule="equal",
            reason="" if good else reason or f"is {found}, must be {expected}",
        )
        self._keep(name, Reading(found, witness=witness), outcome, low=expected, proves=proves)
        return outcome.verdict

    def not_tested(self, name: str, reason: str, *, proves: tuple[str, ...] = ()) -> None:
        """Keep that something was not tested, and why."""
        self._keep(
            name,
            Reading(None, uncertainty=None, witness=""),
            Judgement(Verdict.NOT_TESTED, reason=reason),
            proves=proves,
        )

    def record(self, name: str, reading: Reading, *, proves: tuple[str, ...] = ()) -> None:
        """Keep a value without judging it; what was not taken proves nothing."""
        kept = Reading(_clean(reading.value), reading.unit, reading.uncertainty, reading.witness)
        self._keep(name, kept, None, proves=proves if kept.value is not None else ())

    def note(self, text: str) -> None:
        """Keep something that a reader should know."""
        self.emit(Noted(at_s=self.at_s, step=self.path, text=text))

    def identified(self, **what: str) -> None:
        """Keep what the pack says of itself."""
        self.emit(Identified(at_s=self.at_s, identity=what))

    def waveform(self, waveform: Waveform) -> None:
        """Keep what was sampled around an event."""
        self.emit(Sampled(at_s=self.at_s, waveform=waveform))

    def _keep(
        self,
        name: str,
        reading: Reading,
        outcome: Judgement | None,
        *,
        low: float | str | None = None,
        high: float | None = None,
        proves: tuple[str, ...] = (),
        safety: bool = False,
        source: str = "",
        carried_over: bool = False,
    ) -> None:
        self.emit(
            Measured(
                at_s=self.at_s,
                measurement=Measurement(
                    id=self._unique(f"{self.path}/{name}"),
                    name=name,
                    step=self.path,
                    attempt=self.attempt,
                    at_s=self.at_s,
                    value=reading.value,
                    unit=reading.unit,
                    low=low,
                    high=high,
                    uncertainty=None if isinstance(reading.value, str) else reading.uncertainty,
                    accept_low=outcome.accept_low if outcome else None,
                    accept_high=outcome.accept_high if outcome else None,
                    rule=outcome.rule if outcome else "",
                    verdict=outcome.verdict if outcome else None,
                    reason=outcome.reason if outcome else "",
                    proves=proves,
                    safety=safety,
                    source=source,
                    witness=reading.witness,
                    carried_over=carried_over,
                ),
            )
        )

    def _unique(self, name: str) -> str:
        """The identity of a measurement; one that was taken before in this attempt gets a number: `step/name-2`."""
        self._taken[name, self.attempt] += 1
        taken = self._taken[name, self.attempt]
        return name if taken == 1 else f"{name}-{taken}"


def _clean(value: float | str | None) -> float | str | None:
    """A number to nine decimals, so that the last bits of a floating-point library reach no record; NaN becomes no
    value.
    """
    if isinstance(value, str) or value is None:
        return value
    return quantise(float(value), 1e-9) if math.isfinite(value) else None
