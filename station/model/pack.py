"""A pack file: everything about the product that is a number or a name, once.

Where a value lives in the BMS (address, type, step) is the business of the protocol that the pack file names; the two
meet in `Protection.values`, whose names (`cell_overvoltage.trip`) are those of the registers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, PlainValidator, StrictBool, StrictInt, WithJsonSchema

from station.model.at_rest import AtRest
from station.model.direction import Direction
from station.model.files import Model, shown
from station.model.limits import Decision, Limit, RangeText
from station.model.quantity import (
    Amperes,
    Quantity,
    QuantityText,
    Seconds,
    parse_quantity,
    pattern,
)

THRESHOLDS = ("alarm", "trip", "release", "delay")
"""The values that a protection can have in the BMS, in the order of its registers."""

LampWord = Literal["lit", "dark", "flash1", "flash2", "flash3", "as_soc", "as_soc_top_flash2"]
ContactWord = Literal["open", "closed"]
Watched = Literal[
    "highest_cell", "lowest_cell", "pack_voltage", "charge_current", "discharge_current", "warmest_cell",
    "coldest_cell", "mosfet", "ambient", "soc",
]  # fmt: skip
"""The live value that a protection watches."""


def _pattern(value: str) -> str:
    try:
        re.compile(value)
    except re.error as error:
        raise ValueError(f"{shown(value)} is no regular expression: {error}") from None
    return value


Pattern = Annotated[str, AfterValidator(_pattern)]


def _flash(value: str) -> str:
    match = _FLASH.fullmatch(value)
    if match is None:
        raise ValueError(f"{shown(value)} is no way to flash; write `0.25 s lit 3.75 s dark`")
    for time in match.groups():
        if parse_quantity(time, "time").value <= 0:
            raise ValueError(f"{shown(value)}: a lamp is lit and dark for more than nothing")
    return value


_FLASH = re.compile(r"(\S+ \S+) lit (\S+ \S+) dark")
Flash = Annotated[str, AfterValidator(_flash)]


def _register_value(value: object) -> Quantity:
    return value if isinstance(value, Quantity) else parse_quantity(str(value).rpartition("=")[2])


RegisterValue = Annotated[
    Quantity,
    PlainValidator(_register_value),
    WithJsonSchema({"type": "string", "pattern": rf"^(?:\d+ = )?{pattern()}$", "examples": ["52.5 V"]}),
]
"""The value of another parameter; `107 = 52.5 V` may name its register too."""


class SerialNumber(Model):
    """What a serial number of this product looks like, and where the BMS keeps it."""

    pattern: Pattern
    label: str = ""
    stored_in: str

    def fits(self, text: str) -> bool:
        """Whether a scanned text is a serial number of this product."""
        return re.fullmatch(self.pattern, text) is not None


class Firmware(Model):
    """Which firmware is approved, and where the BMS says which it has."""

    stored_in: str
    approved: tuple[str, ...] = Field(min_length=1)


class Component(Model):
    """A component whose serial number belongs to the record of the pack."""

    pattern: Pattern
    stored_in: str | None = None
    count: RangeText


class Recovery(Model):
    """How an over-current protection comes back by itself, and when it no longer does."""

    after: Seconds
    locks_after: StrictInt = Field(ge=1)
    within: Seconds
    unlocks_if: Literal["charging"] = "charging"
    proves: tuple[str, ...] = ()


class ProtectionRow(Model):
    """One protection as its row in the pack file."""

    of: Watched | None = None
    blocks: Literal["charge", "discharge", "both"] | None = None
    alarm: QuantityText | None = None
    trip: QuantityText | None = None
    release: QuantityText | None = None
    delay: Seconds | None = None
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
    delay: RangeText | None = None
    """One time, which the BMS stores for each row; a range is what the firmware has built in."""
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
        """Whether it acts above its threshold: follows from trip against release; a charge that runs out acts below."""
        trip, release = self.values.get("trip"), self.values.get("release")
        if trip is None or release is None:
            return self.of != "soc"
        return trip.si > release.si

    @property
    def stops(self) -> Direction:
        """The direction of the current that shows that it acts; discharge where it blocks both."""
        return "charge" if self.blocks == "charge" else "discharge"


class BalancingValue(Model):
    """One number of the balancing rules."""

    is_: RangeText = Field(alias="is")
    proves: tuple[str, ...] = ()


class BalancingParameter(Model):
    """One number of the balancing rules that the BMS stores, and what its firmware accepts for it."""

    is_: QuantityText = Field(alias="is")
    accepts: RangeText
    proves: tuple[str, ...] = ()
    at: int | None = None


class Balancing(Model):
    """When the BMS bleeds which cells."""

    start_voltage: BalancingParameter
    start_difference: BalancingParameter
    stop_difference: BalancingValue
    current: BalancingValue
    temperature: BalancingValue
    when: dict[str, StrictBool | tuple[str, ...]] = Field(default_factory=dict)


class Contact(Model):
    """A dry contact: its pins and what it shows."""

    pins: str
    healthy: ContactWord
    alarm: ContactWord
    dead: ContactWord
    proves: tuple[str, ...] = ()
    """What it proves by acting on an alarm."""
    proves_dead: tuple[str, ...] = ()
    """What it proves when the BMS is dead."""


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

    in_: str = Field(alias="in", pattern="^[efircd]+$")
    text: str
    shown: str = ""
    """How the station itself shows it, whatever the pack: what it does, and the test or command to see it by."""


class Requirement(Model):
    """One statement of the manual that a sequence proves, records, or cannot test."""

    id: str
    method: str
    sequences: frozenset[str]
    text: str
    shown: str = ""

    def is_asked_of(self, sequence: str) -> bool:
        """Whether a sequence owes it a proof; a complete one (`eol-full`) owes what its short form does, too."""
        return not self.sequences.isdisjoint((sequence, sequence.removesuffix("-full")))

    @property
    def why_not(self) -> str:
        """Why no test of a whole pack can prove it; empty where one can."""
        return self.text.partition("Not here: ")[2] if self.method == "not_testable_at_eol" else ""


_INITIALS = {"e": "eol", "f": "eol-full", "i": "incoming", "r": "rework", "c": "commissioning", "d": "design"}


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
    currents: dict[str, Amperes]
    ceiling: dict[str, QuantityText | tuple[str, ...]]
    decision: Decision
    limits: dict[str, Limit]
    conditions: dict[str, dict[str, str | tuple[str, ...]]] = Field(default_factory=dict)
    times: dict[str, RangeText] = Field(default_factory=dict)
    takes: dict[str, Seconds] = Field(default_factory=dict)
    """The least time that the product needs for something: to boot, to let go, to reach a condition of that name."""
    reacts_within: dict[str, Seconds]
    protections: dict[str, ProtectionGroup]
    alarm_groups: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    balancing: Balancing
    charge_limiter: dict[str, dict[str, str]] = Field(default_factory=dict)
    at_rest: AtRest | None = None
    protocol: ProtocolUse
    other_parameters: dict[str, RegisterValue]
    keys: dict[str, Seconds]
    lamps: tuple[Literal["RUN", "ALM", "L1", "L2", "L3", "L4"], ...]
    flash: dict[str, Flash]
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
        values["balancing.start_voltage"] = self.balancing.start_voltage.is_
        values["balancing.start_difference"] = self.balancing.start_difference.is_
        return values | self.other_parameters

    @cached_property
    def requirement(self) -> Mapping[str, Requirement]:
        """All requirements by id, such as `REQ-6.6-01`."""
        return {item.id: item for item in self._requirements()}

    def _requirements(self) -> Iterator[Requirement]:
        for method, rows in self.requirements.items():
            for key, row in rows.items():
                sequences = frozenset(_INITIALS[initial] for initial in row.in_ if initial in _INITIALS)
                yield Requirement(id=f"REQ-{key}", method=method, sequences=sequences, text=row.text, shown=row.shown)

    def contacts_at(self, state: Literal["healthy", "alarm", "dead"], group: str = "") -> dict[str, ContactWord]:
        """How the dry contacts stand; while the alarms of one group show, if `group` names it.

        A contact that has the name of an alarm group (`low`) acts on that group alone, and says nothing of others.
        """
        own = {name for name in self.contacts if name in self.alarm_groups and state == "alarm"}
        stands: dict[str, ContactWord] = {}
        for name, contact in self.contacts.items():
            if name not in own or group:
                stands[name] = contact.healthy if name in own - {group} else getattr(contact, state)
        return stands

    def flash_times(self, word: str) -> tuple[float, float]:
        """Seconds lit and seconds dark of `flash1`, `flash2`, `flash3`."""
        lit, _, dark = self.flash[word].removesuffix(" dark").partition(" lit ")
        return parse_quantity(lit, "time").si, parse_quantity(dark, "time").si


def _resolved(name: str, kind: str, row: ProtectionRow, group: ProtectionGroup) -> Protection:
    values = {value: quantity for value in THRESHOLDS if (quantity := getattr(row, value)) is not None}
    if group.delay is not None and group.delay.low is not None and group.delay.low == group.delay.high:
        values.setdefault("delay", Quantity(group.delay.low, group.delay.unit))
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
