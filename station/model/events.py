"""The events in which a run speaks; the journal keeps every one, everything else is drawn from them."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from station.model.record import FileHash, Gap, Instrument, Measurement, Part, Simulation, Software, Step, Waveform
from station.model.verdict import Verdict


class Event(Part):
    """Base of all events. `durable` ones are on the disk before the run goes on."""

    durable: ClassVar[bool] = False
    at_s: float
    """Seconds since the start of the run, on the run's own clock."""


class RunStarted(Event):
    """A run began; from here on it is found again, whatever happens."""

    durable: ClassVar[bool] = True
    event: Literal["run_started"] = "run_started"
    run: str
    started_at: str
    serial_number: str
    product: str
    product_title: str
    sequence: str
    sequence_title: str
    plan_sha256: str
    floor_s: float
    bench: str
    bench_title: str
    slot: int
    operator: str = ""
    purpose: str = ""
    purpose_reason: str = ""
    attempt: int = 1
    earlier_runs: tuple[str, ...] = ()
    gaps: tuple[Gap, ...] = ()
    files: tuple[FileHash, ...] = ()
    approval: str = ""
    decision_rule: str = ""
    warnings: tuple[str, ...] = ()
    simulation: Simulation | None = None
    partial: bool = False
    software: Software


class InstrumentFound(Event):
    """An instrument answered and is the one that the bench file names."""

    event: Literal["instrument_found"] = "instrument_found"
    instrument: Instrument


class StepStarted(Event):
    """A step began."""

    event: Literal["step_started"] = "step_started"
    step: str
    title: str
    attempt: int = 1
    depth: int = 0


class StepEnded(Event):
    """A step ended; every attempt is kept."""

    event: Literal["step_ended"] = "step_ended"
    step: Step
    depth: int = 0


class Measured(Event):
    """A value was judged or recorded."""

    event: Literal["measured"] = "measured"
    measurement: Measurement


class Sampled(Event):
    """A waveform is complete."""

    event: Literal["sampled"] = "sampled"
    waveform: Waveform


class Identified(Event):
    """The pack said something of itself."""

    event: Literal["identified"] = "identified"
    identity: dict[str, str]


class Noted(Event):
    """Something that a reader should know."""

    event: Literal["noted"] = "noted"
    step: str
    text: str


class Asked(Event):
    """A person is asked to do or to say something."""

    event: Literal["asked"] = "asked"
    step: str
    text: str
    hint: str
    """Which answers there are."""
    picture: str = ""


class Answered(Event):
    """What was answered; None: nothing that fits came in time."""

    event: Literal["answered"] = "answered"
    step: str
    answer: str | None


class DateJumped(Event):
    """The date and time of day of the computer was set during the run, by so many seconds; no duration rests on it."""

    event: Literal["date_jumped"] = "date_jumped"
    seconds: float


class OriginalsKept(Event):
    """The parameters of the pack as found, before the first of them is changed: raw words by register address."""

    durable: ClassVar[bool] = True
    event: Literal["originals_kept"] = "originals_kept"
    words: dict[str, int]


class ParametersChanging(Event):
    """Parameters are about to be written, raw words by register address."""

    durable: ClassVar[bool] = True
    event: Literal["parameters_changing"] = "parameters_changing"
    why: str
    words: dict[str, int]


class ParametersRestored(Event):
    """Every parameter has been written back and read back, or not: `wrong` says which differ."""

    durable: ClassVar[bool] = True
    event: Literal["parameters_restored"] = "parameters_restored"
    wrong: tuple[str, ...] = ()


class OutputChanging(Event):
    """An output is about to be switched on, or a contactor to be closed."""

    durable: ClassVar[bool] = True
    event: Literal["output_changing"] = "output_changing"
    role: str
    setting: str


class MadeSafe(Event):
    """The bench is in the safe state, as read back, or `trouble` says what could not be proven."""

    durable: ClassVar[bool] = True
    event: Literal["made_safe"] = "made_safe"
    state: str
    trouble: tuple[str, ...] = ()


class GuardReady(Event):
    """The guard process of a run watches from now on."""

    event: Literal["guard_ready"] = "guard_ready"
    process: int


class GuardActed(Event):
    """The guard process took the bench over from the run; `at_s` is wall time since the start of the run."""

    event: Literal["guard_acted"] = "guard_acted"
    when: str
    """UTC, ISO 8601."""
    why: str
    killed: bool
    """Whether it ended the run first."""


class RunEnded(Event):
    """The run is over."""

    durable: ClassVar[bool] = True
    event: Literal["run_ended"] = "run_ended"
    ended_at: str
    verdict: Verdict
    reason: str
    bench_time_s: float


class Overruled(Event):
    """The verdict of a run that had ended does not stand: without whole and stored evidence the run is ERROR."""

    durable: ClassVar[bool] = True
    event: Literal["overruled"] = "overruled"
    reason: str


AnyEvent = Annotated[
    RunStarted | InstrumentFound | StepStarted | StepEnded | Measured | Sampled | Identified | Noted | OriginalsKept
    | ParametersChanging | ParametersRestored | OutputChanging | MadeSafe | GuardReady | GuardActed
    | Asked | Answered | DateJumped | RunEnded | Overruled,
    Field(discriminator="event"),
]  # fmt: skip
