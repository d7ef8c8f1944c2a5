"""What a run leaves behind: the record, the one source that the certificate and every export are drawn from.

A record is canonical JSON (sorted keys, no NaN, UTF-8) under a published JSON Schema whose version is in the record. A
field may be added in a later version; none changes its meaning.
"""

from __future__ import annotations

import json
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from station.model.verdict import Verdict

SCHEMA = "pack-test-station/record/1"


ProofState = Literal["proven", "failed", "not tested", "recorded", "elsewhere", "not testable here"]


class Part(BaseModel):
    """Base of every part of a record: immutable, without unknown fields, without NaN or infinity."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Measurement(Part):
    """One judged or recorded value. A value that was not taken is None, and then the verdict is never PASS."""

    id: str
    """Step and name, such as `window/terminal_voltage`; unique within an attempt of a step."""
    name: str
    step: str
    attempt: int = 1
    at_s: float
    """When it was taken, in seconds after the start of the run, on a monotonic clock."""
    value: float | str | bool | None
    unit: str
    """Unit of value, limits and uncertainty; empty for a text, a state or a plain count."""
    low: float | str | None = None
    """Lower limit as the product states it; for a text or state, what was expected."""
    high: float | str | None = None
    uncertainty: float | None = None
    """Expanded uncertainty U, k = 2; None where the value is a text, a state or a count."""
    accept_low: float | None = None
    """Lower limit moved inwards by the guard band of the decision rule."""
    accept_high: float | None = None
    rule: str = ""
    """Decision rule that was applied, in words."""
    verdict: Verdict | None
    """None where the value is recorded and not judged."""
    reason: str = ""
    """Why it is not PASS, in plain words."""
    proves: tuple[str, ...] = ()
    """Requirements that this measurement proves, such as `REQ-6.6-01`."""
    safety: bool = False
    source: str = ""
    """Where the limit comes from: a section of the manual, or E for engineering judgement."""
    witness: str = ""
    """What took the value: a role and its instrument, or `pack` for what the pack says of itself."""
    carried_over: bool = False


class Step(Part):
    """One attempt of one step; every attempt is kept."""

    id: str
    title: str
    attempt: int = 1
    verdict: Verdict
    reason: str = ""
    gate: bool = False
    started_s: float
    duration_s: float
    physics_s: float = 0.0
    """Of these, waited for pack and physics, with all that was said meanwhile; what is left over is the station's."""
    communication_s: float = 0.0
    """Of these, spent on wires while nothing else was waited for."""
    operator_s: float = 0.0
    """Of these, waited for a person; no part of the bench time."""
    verifies: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    """What a reader should know: shifted thresholds, remedies tried, what the plan derated."""


class Channel(Part):
    """One line of a waveform."""

    name: str
    unit: str
    t_s: tuple[float, ...]
    values: tuple[float, ...]


class Mark(Part):
    """A moment or a level that is drawn into a waveform."""

    label: str
    at_s: float | None = None
    level: float | None = None
    unit: str = ""


class Waveform(Part):
    """What was sampled around an event, such as a trip."""

    step: str
    title: str
    channels: tuple[Channel, ...]
    marks: tuple[Mark, ...] = ()


class Instrument(Part):
    """An instrument that took part, as it identified itself."""

    role: str
    model: str
    serial_number: str
    firmware: str = ""
    address: str = ""
    calibrated_until: str = ""
    """ISO date; empty where the instrument needs no calibration."""


class FileHash(Part):
    """A file that decided what was done."""

    path: str
    sha256: str


class Proof(Part):
    """What became of one requirement in this run."""

    id: str
    text: str
    state: ProofState
    by: tuple[str, ...] = ()
    """Steps or measurements that proved it; the other sequence; or the reason."""


class Gap(Part):
    """A fault that this test cannot see."""

    fault: str
    """Name of its file."""
    title: str
    why: str


class Simulation(Part):
    """What was simulated, so that a simulated run can be repeated to the last digit."""

    twin: str
    faults: tuple[str, ...] = ()
    seed: int
    time: Literal["wall", "virtual"]


class Software(Part):
    """What decided."""

    version: str
    python: str
    platform: str
    libraries: dict[str, str] = Field(default_factory=dict)


class Record(Part):
    """Everything that is known about one run."""

    schema_: str = Field(default=SCHEMA, alias="schema")
    run: str
    """Identity of the run: sorts by time, unique everywhere."""
    verdict: Verdict
    reason: str
    """One sentence: why the verdict is what it is; empty for PASS."""
    simulation: Simulation | None
    """None on a real bench; otherwise every page of the certificate is marked SIMULATED."""
    serial_number: str
    product: str
    product_title: str
    identity: dict[str, str] = Field(default_factory=dict)
    """What the pack says of itself: firmware, BMS serial number and the like, by name."""
    attempt: int = 1
    """Which attempt of this sequence on this pack this run is, in this data folder."""
    earlier_runs: tuple[str, ...] = ()
    sequence: str
    sequence_title: str
    plan_sha256: str
    floor_s: float
    """Least time that the plan can take, in seconds."""
    bench: str
    bench_title: str
    slot: int = 1
    operator: str = ""
    purpose: str = ""
    purpose_reason: str = ""
    partial: bool = False
    started_at: str
    """UTC, ISO 8601."""
    ended_at: str
    bench_time_s: float
    """From the first start check to the safe state, on the run's own clock."""
    steps: tuple[Step, ...]
    measurements: tuple[Measurement, ...]
    waveforms: tuple[Waveform, ...] = ()
    instruments: tuple[Instrument, ...] = ()
    requirements: tuple[Proof, ...] = ()
    gaps: tuple[Gap, ...] = ()
    """Faults of a pack that this test cannot see, whatever its verdict."""
    files: tuple[FileHash, ...] = ()
    approval: str = ""
    """Who approved these files and when, or that nobody did."""
    decision_rule: str = ""
    warnings: tuple[str, ...] = ()
    """What the reader of the certificate must know: no watchdog, derated currents, gaps in the coverage."""
    safe_state: str
    """How the bench was left, as read back: outputs, current, contactors."""
    thresholds: str
    """Whether the pack has its thresholds: never touched, restored and read back, or what is NOT RESTORED."""
    software: Software

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, populate_by_name=True)

    def canonical(self) -> bytes:
        """The record as canonical JSON, ready to be hashed, signed and attached."""
        return canonical_json(self.model_dump(mode="json", by_alias=True))


def canonical_json(data: object) -> bytes:
    """Sorted keys, no spaces, UTF-8, one line feed at the end; raises ValueError for NaN and infinity."""
    text = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode() + b"\n"
