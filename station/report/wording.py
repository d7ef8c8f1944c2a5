"""What the certificate says and how it looks, as data: `reports/certificate.yaml`."""

from __future__ import annotations

from string import Formatter
from typing import Annotated, Literal, TypeVar, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator

from station.model.verdict import Verdict

SectionName = Literal[
    "verdict",
    "identity",
    "summary",
    "measurements",
    "waveforms",
    "instruments",
    "conditions",
    "requirements",
    "gaps",
    "decision",
    "warnings",
    "signature",
]
SymbolName = Literal["check", "cross", "triangle", "square", "bar", "dash"]
State = Literal["proven", "failed", "not tested", "recorded", "elsewhere", "not testable here"]

Key = TypeVar("Key")
Value = TypeVar("Value")


def _filled(*names: str) -> AfterValidator:
    """A text in which only `names` stand in braces."""

    def known(text: str) -> str:
        unknown = {name for _, name, _, _ in Formatter().parse(text) if name is not None} - set(names)
        if unknown:
            raise ValueError(f"{{{min(unknown)}}} cannot be filled in; known here: {', '.join(names)}")
        return text

    return AfterValidator(known)


class Texts(BaseModel):
    """Base of every part: immutable, without unknown keys, numbers never taken for texts."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class VerdictTexts(Texts):
    """How one verdict is shown: always by word, colour and symbol together."""

    word: str = Field(min_length=1)
    colour: str = Field(pattern="^#[0-9a-f]{6}$")
    symbol: SymbolName
    meaning: str


class HeaderTexts(Texts):
    """Head and foot of every page."""

    report: Annotated[str, _filled("run")]
    page: Annotated[str, _filled("page", "pages")]
    simulated: str = Field(min_length=1)
    watermark: str = Field(min_length=1)
    digest: Annotated[str, _filled("sha256")]
    scope: str


class BannerTexts(Texts):
    """What stands beside the verdict."""

    counts: Annotated[str, _filled("passed", "judged")]
    failed: Annotated[str, _filled("failed")]
    not_judged: Annotated[str, _filled("count")]
    recorded: Annotated[str, _filled("count")]
    steps: Annotated[str, _filled("steps", "seconds")]
    nothing: str


class IdentityTexts(Texts):
    """Which item was tested, and how it was left."""

    serial_number: str
    product: str
    purpose: str
    started: str
    ended: str
    attempt: str
    reported: Annotated[str, _filled("name")]
    as_left: str
    at_receipt: str
    expected: Annotated[str, _filled("voltages", "doubt")]
    after: Annotated[str, _filled("volts", "days")]
    thresholds: str
    safe_state: str


class SummaryTexts(Texts):
    """The table of steps."""

    step: str
    verdict: str
    duration: str
    reason: str
    gate: str
    attempt: Annotated[str, _filled("attempt")]


class MeasurementTexts(Texts):
    """The table of measurements."""

    name: str
    low: str
    value: str
    high: str
    unit: str
    uncertainty: str
    accept_low: str
    accept_high: str
    rule: str
    margin: str
    verdict: str
    expected: Annotated[str, _filled("expected")]
    attempt: Annotated[str, _filled("attempt")]
    carried_over: str
    no_value: str
    recorded: str
    yes: str
    no: str
    legend: str
    rules: Annotated[str, _filled("rules")]


class WaveformTexts(Texts):
    """The charts."""

    time: str
    at: Annotated[str, _filled("label", "seconds")]
    level: Annotated[str, _filled("label", "level", "unit")]


class InstrumentTexts(Texts):
    """The table of instruments."""

    role: str
    model: str
    serial_number: str
    firmware: str
    calibrated_until: str
    no_calibration: str


class ConditionTexts(Texts):
    """How the run came about and what can be traced from it."""

    operator: str
    bench: str
    slot: Annotated[str, _filled("title", "bench", "slot")]
    sequence: str
    earlier_runs: str
    time: str
    seconds: Annotated[str, _filled("bench", "floor")]
    software: str
    versions: Annotated[str, _filled("version", "python", "platform")]
    libraries: str
    simulation: str
    simulated: Annotated[str, _filled("twin", "seed", "time", "faults")]
    no_faults: str
    plan: str
    approval: str
    record: str
    files: str


class RequirementTexts(Texts):
    """What became of the requirements."""

    counts: Annotated[str, _filled("count", "state")]
    states: dict[State, str]
    id: str
    text: str
    by: str

    @field_validator("states")
    @classmethod
    def _all_states(cls, states: dict[State, str]) -> dict[State, str]:
        return _complete(states, get_args(State))


class DecisionTexts(Texts):
    """What every certificate says about uncertainty and about what it holds for."""

    uncertainty: str
    scope: str


class SignatureTexts(Texts):
    """Who answers for it, and how to check it."""

    tested_by: str
    signed_by: str
    fingerprint: str
    how: str
    check: str
    end: str


class Wording(Texts):
    """The whole file; every text of a certificate that does not come from the record."""

    report: Literal["certificate"]
    title: str = Field(min_length=1)
    language: str = Field(pattern="^[a-z]{2}(-[A-Z]{2})?$")
    margin: str = Field(pattern="^(1[0-9]|2[0-9]|30) mm$")
    units: dict[str, str]
    scales: dict[str, dict[str, Annotated[float, Field(gt=0)]]]
    sections: dict[SectionName, str]
    verdicts: dict[Annotated[Verdict, Field(strict=False)], VerdictTexts]
    header: HeaderTexts
    banner: BannerTexts
    identity: IdentityTexts
    summary: SummaryTexts
    measurements: MeasurementTexts
    waveforms: WaveformTexts
    instruments: InstrumentTexts
    conditions: ConditionTexts
    requirements: RequirementTexts
    decision: DecisionTexts
    signature: SignatureTexts

    @field_validator("sections")
    @classmethod
    def _all_sections(cls, sections: dict[SectionName, str]) -> dict[SectionName, str]:
        """A certificate without one of them would hide something; only their order is free."""
        return _complete(sections, get_args(SectionName))

    @field_validator("verdicts")
    @classmethod
    def _all_verdicts(cls, verdicts: dict[Verdict, VerdictTexts]) -> dict[Verdict, VerdictTexts]:
        return _complete(verdicts, tuple(Verdict))

    @property
    def margin_mm(self) -> float:
        """Width of the four margins in millimetres, 10 to 30."""
        return float(self.margin.removesuffix(" mm"))

    def scale(self, unit: str, magnitude: float) -> tuple[str, float]:
        """How a unit is printed where numbers of that magnitude stand before it, and by what they are divided."""
        sizes = sorted((factor, name) for name, factor in self.scales.get(unit, {}).items())
        fitting = [size for size in sizes if size[0] <= magnitude * (1 + 1e-9)] or sizes[:1]
        factor, name = fitting[-1] if fitting else (1.0, self.unit(unit))
        return name, factor

    def unit(self, unit: str) -> str:
        """How a unit of the record is printed."""
        return self.units.get(unit, unit)


def _complete(found: dict[Key, Value], needed: tuple[Key, ...]) -> dict[Key, Value]:
    missing = [str(name) for name in needed if name not in found]
    if missing:
        raise ValueError(f"missing: {', '.join(missing)}")
    return found
