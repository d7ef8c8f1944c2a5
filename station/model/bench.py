"""A bench file: slots, roles, instruments, addresses, wiring, envelope and uncertainty. Data only; `station.bench` opens it."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Literal

from pydantic import (
    BeforeValidator,
    Discriminator,
    Field,
    PlainValidator,
    Tag,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from station.model.files import Model
from station.model.quantity import BadQuantity, Quantity, parse_quantity

ROLES = frozenset({
    "supply", "load", "shunt", "voltmeter", "switch", "contactor", "key", "lamps", "contacts", "breaker", "address_switch",
    "ambient", "estop", "watchdog", "buzzer", "case", "supply_side", "rs485_a", "rs485_b", "rs232",
})  # fmt: skip
"""Every role that a bench can fill (design, "Words")."""
PORTS = ("rs485_a", "rs485_b", "rs232")

QuantityText = Annotated[
    Quantity,
    PlainValidator(lambda value: value if isinstance(value, Quantity) else parse_quantity(value)),
    WithJsonSchema({"type": "string", "examples": ["57 V"]}),
]
"""A quantity as it stands in a file."""

_CHANNEL = re.compile(r"(\d{3})(?:\.([0-7]))?")


class Channel(Model):
    """A channel of a switch unit: `201`, or a bit of a digital port: `301.3`."""

    number: int
    bit: int | None = None

    def __str__(self) -> str:
        """As it stands in a bench file."""
        return str(self.number) if self.bit is None else f"{self.number}.{self.bit}"


def _channel(text: object) -> Channel:
    match = _CHANNEL.fullmatch(str(text))
    if match is None:
        raise BadQuantity(f"`{text}` is no channel; write `201`, or `301.3` for a bit of a digital port")
    return Channel(number=int(match[1]), bit=None if match[2] is None else int(match[2]))


ChannelText = Annotated[Channel, PlainValidator(_channel), WithJsonSchema({"type": ["string", "number"], "examples": ["201", "301.3"]})]


class InstrumentEntry(Model):
    """An instrument: which one, where it answers, and until when its calibration holds."""

    model: str
    at: str
    """VISA resource, such as `TCPIP::supply-1::2101::SOCKET`; on a simulated bench port 0 means any free one."""
    serial: str = ""
    """Serial number that it must identify itself with; empty: any."""
    calibrated_until: date | None = None
    backend: str = "@py"


class WiredEntry(Model):
    """A role that another one fills: the switch unit by its channels, or a person."""

    by: str
    output: ChannelText | None = None
    input: ChannelText | None = None
    inputs: dict[str, ChannelText] = Field(default_factory=dict)
    ratio: QuantityText | None = None
    """Resistance of a shunt."""
    settle: QuantityText = Quantity(0.02, "s")
    """Time that the part needs after it was switched."""


class PortEntry(Model):
    """A serial line to the pack."""

    at: str
    """Port, such as `COM7`, `/dev/ttyUSB0`, `socket://host:port`; on a simulated bench `auto`."""
    address: int = Field(default=1, ge=0, le=15)
    loop_back: ChannelText | None = None
    """Relay that joins the station's own transmitter to its receiver, so that it can prove its line good."""


def _entry_kind(value: object) -> str:
    keys = value if isinstance(value, dict) else {}
    return "instrument" if "model" in keys else "wired" if "by" in keys else "port"


Entry = Annotated[
    Annotated[InstrumentEntry, Tag("instrument")] | Annotated[WiredEntry, Tag("wired")] | Annotated[PortEntry, Tag("port")],
    Discriminator(_entry_kind),
]


class Uncertainty(Model):
    """Expanded uncertainty (k = 2) of a reading: a share of the value and a fixed part."""

    relative: float = 0.0
    absolute: float = 0.0

    def of(self, value: float) -> float:
        """U for a reading of `value`, in its unit."""
        return abs(value) * self.relative + self.absolute


def _uncertainty(text: object) -> Uncertainty:
    relative = absolute = 0.0
    for part in str(text).split(" + "):
        quantity = parse_quantity(part)
        if quantity.unit == "%":
            relative += quantity.si / 100
        else:
            absolute += quantity.si
    return Uncertainty(relative=relative, absolute=absolute)


UncertaintyText = Annotated[Uncertainty, PlainValidator(_uncertainty), WithJsonSchema({"type": "string", "examples": ["0.004 % + 0.6 mV"]})]


class Envelope(Model):
    """What must never be exceeded on this bench, whatever a sequence asks for."""

    voltage: QuantityText
    charge_current: QuantityText
    discharge_current: QuantityText
    discharge_power: QuantityText | None = None
    charge_power: QuantityText | None = None

    @field_validator("voltage")
    @classmethod
    def _volts(cls, value: Quantity) -> Quantity:
        return parse_quantity(str(value), "voltage")

    @field_validator("charge_current", "discharge_current")
    @classmethod
    def _amperes(cls, value: Quantity) -> Quantity:
        return parse_quantity(str(value), "current")


class Bench(Model):
    """One bench with its slots."""

    bench: str
    title: str
    kind: Literal["real", "simulated"] = "real"
    """A simulated bench is served by the twin; its addresses are filled in when it starts."""
    shared: dict[str, Entry] = Field(default_factory=dict)
    slots: Annotated[dict[int, dict[str, Entry]], BeforeValidator(lambda value: value)]
    envelope: Envelope
    uncertainty: dict[str, dict[str, UncertaintyText]]
    operator_time: QuantityText = Quantity(60.0, "s")

    @model_validator(mode="after")
    def _roles_are_known(self) -> Bench:
        for roles in (self.shared, *self.slots.values()):
            unknown = sorted(set(roles) - ROLES)
            if unknown:
                raise ValueError(f"unknown role `{unknown[0]}`; known: {', '.join(sorted(ROLES))}")
        if not self.slots:
            raise ValueError("a bench has at least one slot")
        return self

    def roles(self, slot: int) -> dict[str, InstrumentEntry | WiredEntry | PortEntry]:
        """Everything that a run in `slot` can use; raises KeyError for an unknown slot."""
        return {**self.shared, **self.slots[slot]}

    def u(self, role: str, kind: str, value: float) -> float | None:
        """Expanded uncertainty of what `role` measures, None if the bench file does not state it."""
        stated = self.uncertainty.get(role, {}).get(kind)
        return None if stated is None else stated.of(value)
