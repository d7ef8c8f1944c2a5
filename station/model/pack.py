"""A pack file: everything about the product that is a number or a name, once.

Where a value lives in the BMS (address, type, step) is the business of the protocol that the pack file names; the two meet in
`Protection.values`, whose names (`cell_overvoltage.trip`) are those of the registers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Literal

from pydantic import Field, field_validator

from station.model.bench import QuantityText
from station.model.files import Model
from station.model.limits import Decision, Limit, RangeText
from station.model.quantity import Quantity, parse_quantity

THRESHOLDS = ("alarm", "trip", "release", "delay")
"""The values that a protection can have in the BMS, in the order of its registers."""

LampWord = Literal["lit", "dark", "flash1", "flash2", "flash3", "as_soc", "as_soc_top_flash2"]


class SerialNumber(Model):
    """What a serial number of this product looks like, and where the BMS keeps it."""

    pattern: str
    label: str = ""
    stored_in: str

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, value: str) -> str:
        try:
            re.compile(value)
        except re.error as error:
            raise ValueError(f"`{value}` is no regular expression: {error}") from None
        return value

    def fits(self, text: str) -> bool:
        """Whether a scanned text is a serial number of this product."""
        return re.fullmatch(self.pattern, text) is not None


class Firmware(Model):
    """Which firmware is approved, and where the BMS says which it has."""

    stored_in: str
    approved: tuple[str, ...]


class Component(Model):
    """A component whose serial number belongs to the record of the pack."""

    pattern: str
    stored_in: str | None = None
    count: RangeText


class Recovery(Model):
    """How an over-current protection comes back by itself, and when it no longer does."""

    after: QuantityText
    locks_after: int
    within: QuantityText
    unlocks_if: Literal["charging"] = "charging"
    proves: tuple[str, ...] = ()


class ProtectionRow(Model):
    """One protection as its row in the pack file."""

    of: str | None = None
    """The live value that it watches, such as `highest_cell`."""
    blocks: Literal["charge", "discharge", "both"] | None = None
    alarm: QuantityText | None = None
    trip: QuantityText | None = None
    release: QuantityText | None = None
    delay: QuantityText | None = None
    tolerance: QuantityText | None = None
    accepts: RangeText | None = None
    proves: tuple[str, ...] = ()
    releases_if: Literal["charging"] | None = None
    source: str = ""
    at: int | None = None
    bits: tuple[int | None, int | None] | None = None
    registers: tuple[str, ...] | None = None


class ProtectionGroup(Model):
    """Protections of one kind, and what they have in common."""

    rows: dict[str, ProtectionRow]
    delay: QuantityText | RangeText | None = None
    tolerance: QuantityText | None = None
    accepts: RangeText | None = None
    recovers: Recovery | None = None
    registers: tuple[str, ...] = ()


class Protection(Model):
    """One protection with everything its group gives it."""

    name: str
    kind: str
    of: str | None
    blocks: str | None
    values: dict[str, Quantity]
    """The released set: alarm, trip, release, delay, as far as the BMS stores them."""
    tolerance: Quantity | None
    accepts: RangeText | None
    proves: tuple[str, ...]
    releases_if: str | None
    recovery: Recovery | None

    @property
    def rises(self) -> bool:
        """Whether it trips above its threshold; follows from trip against release. Currents always do."""
        trip, release = self.values.get("trip"), self.values.get("release")
        return release is None or trip is None or trip.si > release.si


class BalancingValue(Model):
    """One number of the balancing rules."""

    is_: RangeText = Field(alias="is")
    accepts: RangeText | None = None
    proves: tuple[str, ...] = ()
    at: int | None = None


class Balancing(Model):
    """When the BMS bleeds which cells."""

    start_voltage: BalancingValue
    start_difference: BalancingValue
    stop_difference: BalancingValue
    current: BalancingValue
    temperature: BalancingValue
    when: dict[str, bool | tuple[str, ...]] = Field(default_factory=dict)


class Contact(Model):
    """A dry contact: its pins and what it shows."""

    pins: str
    healthy: Literal["open", "closed"]
    alarm: Literal["open", "closed"]
    dead: Literal["open", "closed"]
    proves: tuple[str, ...] = ()


class ProtocolUse(Model):
    """Which protocol the BMS speaks."""

    name: str
    version: str | float | None = None
    function_read: int | None = None
    function_write: int | None = None
    gap: QuantityText | None = None
    first_byte: QuantityText | None = None


class RequirementText(Model):
    """A requirement's wording, and the sequences (by initial) that owe it a proof."""

    in_: str = Field(alias="in")
    text: str


class Requirement(Model):
    """One statement of the manual that a sequence proves, records, or cannot test."""

    id: str
    method: str
    sequences: frozenset[str]
    text: str


_INITIALS = {"e": "eol", "i": "incoming", "r": "rework", "c": "commissioning", "d": "design"}


class Pack(Model):
    """A product."""

    pack: str
    title: str
    cells: int = Field(ge=1, le=16)
    rated: dict[str, QuantityText]
    serial_number: SerialNumber
    product: dict[str, tuple[str, ...]]
    firmware: Firmware
    parts: dict[str, Component] = Field(default_factory=dict)
    attempts: dict[str, int | str] = Field(default_factory=dict)
    currents: dict[str, QuantityText]
    ceiling: dict[str, QuantityText | tuple[str, ...]]
    decision: Decision
    limits: dict[str, Limit]
    conditions: dict[str, dict[str, str | tuple[str, ...]]] = Field(default_factory=dict)
    times: dict[str, RangeText] = Field(default_factory=dict)
    reacts_within: dict[str, QuantityText]
    protections: dict[str, ProtectionGroup]
    alarm_groups: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    balancing: Balancing
    charge_limiter: dict[str, dict[str, str]] = Field(default_factory=dict)
    protocol: ProtocolUse
    other_parameters: dict[str, str]
    keys: dict[str, QuantityText]
    lamps: tuple[str, ...]
    flash: dict[str, str]
    lamp_states: dict[str, tuple[LampWord, LampWord, LampWord]]
    contacts: dict[str, Contact]
    ports: dict[str, dict[str, object]] = Field(default_factory=dict)
    addresses: dict[str, object] = Field(default_factory=dict)
    buzzer: dict[str, str] = Field(default_factory=dict)
    storage: dict[str, str] = Field(default_factory=dict)
    requirements: dict[str, dict[str, RequirementText]]
    readings: dict[str, str] = Field(default_factory=dict)
    flags: dict[str, object] = Field(default_factory=dict)
    texts: dict[str, str] = Field(default_factory=dict)
    step: dict[str, str] = Field(default_factory=dict)

    @cached_property
    def protection(self) -> Mapping[str, Protection]:
        """All protections by name, each with what its group gives it."""
        return {
            name: _resolved(name, kind, row, group)
            for kind, group in self.protections.items()
            for name, row in group.rows.items()
        }

    @cached_property
    def released(self) -> Mapping[str, Quantity]:
        """The released set of parameters by register name, such as `cell_overvoltage.trip`."""
        values = {
            f"{name}.{value}": quantity
            for name, row in self.protection.items()
            for value, quantity in row.values.items()
        }
        values["balancing.start_voltage"] = parse_quantity(self.balancing.start_voltage.is_.text)
        values["balancing.start_difference"] = parse_quantity(self.balancing.start_difference.is_.text)
        return values | {name: _value_of(text) for name, text in self.other_parameters.items()}

    @cached_property
    def requirement(self) -> Mapping[str, Requirement]:
        """All requirements by id, such as `REQ-6.6-01`."""
        return {item.id: item for item in self._requirements()}

    def _requirements(self) -> Iterator[Requirement]:
        for method, rows in self.requirements.items():
            for key, row in rows.items():
                sequences = frozenset(_INITIALS[initial] for initial in row.in_ if initial in _INITIALS)
                yield Requirement(id=f"REQ-{key}", method=method, sequences=sequences, text=row.text)

    def flash_times(self, word: str) -> tuple[float, float]:
        """Seconds lit and seconds dark of `flash1`, `flash2`, `flash3`."""
        lit, dark = re.fullmatch(r"(.+) lit (.+) dark", self.flash[word]).groups()  # type: ignore[union-attr] # checked when read
        return parse_quantity(lit, "time").si, parse_quantity(dark, "time").si

    @field_validator("flash")
    @classmethod
    def _flash_reads(cls, value: dict[str, str]) -> dict[str, str]:
        for text in value.values():
            if re.fullmatch(r"\S+ \S+ lit \S+ \S+ dark", text) is None:
                raise ValueError(f"`{text}`: write `0.25 s lit 3.75 s dark`")
        return value


def _resolved(name: str, kind: str, row: ProtectionRow, group: ProtectionGroup) -> Protection:
    values = {value: quantity for value in THRESHOLDS if (quantity := getattr(row, value)) is not None}
    if isinstance(group.delay, Quantity) and "delay" not in values:
        values["delay"] = group.delay
    return Protection(
        name=name,
        kind=kind,
        of=row.of,
        blocks=row.blocks,
        values=values,
        tolerance=row.tolerance or group.tolerance,
        accepts=row.accepts or group.accepts,
        proves=tuple(f"REQ-{key}" for key in row.proves),
        releases_if=row.releases_if,
        recovery=group.recovers,
    )


def _value_of(text: str) -> Quantity:
    """The value of another parameter; `107 = 52.5 V` may name its register too."""
    return parse_quantity(text.split("=")[-1].strip())


def check(pack: Pack) -> Iterator[tuple[tuple[str, ...], str]]:
    """What is wrong with a pack file beyond its form, as (where, message)."""
    known = set(pack.requirement)
    for name, row in pack.limits.items():
        for key in row.proves:
            if f"REQ-{key}" not in known:
                yield ("limits", name, "proves"), f"`{key}` is none of the requirements below"
        if row.is_.around is None and row.spec is not None and row.spec.unit != row.is_.unit:
            yield ("limits", name, "spec"), f"`{row.spec}` and `{row.is_}` measure different things"
    for group, members in pack.alarm_groups.items():
        for member in members:
            if member not in pack.protection:
                yield ("alarm_groups", group), f"`{member}` is none of the protections"
    for state in ("asleep", "lamp_test", "standby"):
        if state not in pack.lamp_states:
            yield ("lamp_states",), f"`{state}` is missing"
