"""A bench file: slots, roles, instruments, addresses, wiring, envelope and uncertainty.

Data only; `station.bench` opens it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from datetime import date
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, PlainValidator, Tag, WithJsonSchema

from station.model.direction import Direction
from station.model.files import NAME_ITSELF, Document, Fault, Location, Model, nearest, shown
from station.model.quantity import (
    KINDS,
    Amperes,
    BadQuantity,
    Ohms,
    Quantity,
    QuantityText,
    Seconds,
    Volts,
    Watts,
    parse_quantity,
    pattern,
)
from station.model.store_url import StoreUrl

ROLES = frozenset({
    "supply", "load", "shunt", "voltmeter", "switch", "contactor", "key", "lamps", "contacts", "breaker",
    "address_switch", "ambient", "estop", "watchdog", "buzzer", "case", "case_plus", "supply_side", "rs485_a",
    "rs485_b", "rs232", "contact_isolation", "pins_joined", "pins_free",
})  # fmt: skip
"""Every role that a bench can fill (design, "Words")."""
PORTS = ("rs485_a", "rs485_b", "rs232")
INSTRUMENTS = ("supply", "load", "voltmeter", "switch")
WIRING: Mapping[str, tuple[str, ...]] = {
    "contactor": ("output",),
    "key": ("output",),
    "watchdog": ("output",),
    "shunt": ("input", "ratio"),
    "case": ("input",),
    "case_plus": ("input",),
    "supply_side": ("input",),
    "ambient": ("input",),
    "estop": ("input",),
    "lamps": ("inputs",),
    "contacts": ("inputs",),
    "contact_isolation": ("input",),
    "pins_joined": ("inputs",),
    "pins_free": ("inputs",),
    "buzzer": ("input",),
}
"""What the entry of a role must say when the switch unit fills it."""
OPERATOR = "operator"
"""Who fills a role where no instrument does."""

_CHANNEL = re.compile(r"(\d{3})(?:\.([0-7]))?", re.ASCII)


def _known(what: str, names: Collection[str]) -> AfterValidator:
    def check_name(name: str) -> str:
        if name not in names:
            raise ValueError(f"unknown {what} {shown(name)}{nearest(name, names)}")
        return name

    return AfterValidator(check_name)


Role = Annotated[str, _known("role", ROLES), WithJsonSchema({"type": "string", "enum": sorted(ROLES)})]
Kind = Annotated[str, _known("kind of quantity", KINDS), WithJsonSchema({"type": "string", "enum": list(KINDS)})]


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
        raise BadQuantity(f"{shown(text)} is no channel; write `201`, or `301.3` for a bit of a digital port")
    return Channel(number=int(match[1]), bit=None if match[2] is None else int(match[2]))


ChannelText = Annotated[
    Channel, PlainValidator(_channel), WithJsonSchema({"type": ["string", "number"], "examples": ["201", "301.3"]})
]


def _day(text: object) -> object:
    try:
        return text if isinstance(text, date) else date.fromisoformat(str(text))
    except ValueError:
        raise ValueError(f"{shown(text)} is no date; write it as `2027-03-31`") from None


class InstrumentEntry(Model):
    """An instrument: which one, where it answers, and until when its calibration holds."""

    model: str
    at: str
    """VISA resource, such as `TCPIP::supply-1::2101::SOCKET`; on a simulated bench port 0 means any free one."""
    serial: str = ""
    """Serial number that it must identify itself with; empty: any."""
    calibrated_until: Annotated[date | None, BeforeValidator(_day, json_schema_input_type=date)] = None
    backend: str = "@py"


class WiredEntry(Model):
    """A role that another one fills: the switch unit by its channels, or a person."""

    by: str
    output: ChannelText | None = None
    input: ChannelText | None = None
    inputs: dict[str, ChannelText] = Field(default_factory=dict)
    ratio: Ohms | None = None
    """Resistance of a shunt."""
    settle: Seconds = Quantity(0.02, "s")
    """Time that the part needs after it was switched."""


class PortEntry(Model):
    """A serial line to the pack."""

    at: str
    """Port, such as `COM7`, `/dev/ttyUSB0`, `socket://host:port`; on a simulated bench `auto`."""
    address: int = Field(default=1, ge=0, le=15)
    loop_back: ChannelText | None = None
    """Relay that joins the station's own transmitter to its receiver, so that it can prove its line good."""


AnyEntry = InstrumentEntry | WiredEntry | PortEntry


def _entry_kind(value: object) -> str:
    if isinstance(value, Model):
        return type(value).__name__
    keys = value if isinstance(value, dict) else {}
    return "InstrumentEntry" if "model" in keys else "WiredEntry" if "by" in keys else "PortEntry"


Entry = Annotated[
    Annotated[InstrumentEntry, Tag("InstrumentEntry")]
    | Annotated[WiredEntry, Tag("WiredEntry")]
    | Annotated[PortEntry, Tag("PortEntry")],
    Discriminator(_entry_kind),
]


class Uncertainty(Model):
    """Expanded uncertainty (k = 2) of a reading: a share of the value and a fixed part."""

    relative: float = 0.0
    absolute: float = 0.0
    kind: str = ""
    """What the fixed part is a quantity of; empty where there is none."""

    def of(self, value: float) -> float:
        """U for a reading of `value`, in its unit."""
        return abs(value) * self.relative + self.absolute


def _uncertainty(text: object) -> Uncertainty:
    parts = [parse_quantity(part) for part in str(text).split(" + ")]
    fixed = [part for part in parts if part.unit != "%"]
    if any(part.value < 0 for part in parts) or len({part.kind for part in fixed}) > 1:
        raise BadQuantity(f"{shown(text)} is no uncertainty; write `0.004 % + 0.6 mV`")
    relative = sum(part.si for part in parts if part.unit == "%") / 100
    return Uncertainty(relative=relative, absolute=sum(part.si for part in fixed), kind=fixed[0].kind if fixed else "")


UncertaintyText = Annotated[
    Uncertainty,
    PlainValidator(_uncertainty),
    WithJsonSchema(
        {"type": "string", "pattern": rf"^{pattern()}(?: \+ {pattern()})*$", "examples": ["0.004 % + 0.6 mV"]}
    ),
]


class Envelope(Model):
    """What must never be exceeded on this bench, whatever a sequence asks for."""

    voltage: Volts
    charge_current: Amperes
    discharge_current: Amperes
    discharge_power: Watts | None = None
    charge_power: Watts | None = None

    def current(self, direction: Direction) -> Quantity:
        """The most that may flow that way."""
        return self.charge_current if direction == "charge" else self.discharge_current

    def power(self, direction: Direction) -> Quantity:
        """The most that supply or load may turn over; what voltage and current allow where the file does not say."""
        stated = self.charge_power if direction == "charge" else self.discharge_power
        return stated or Quantity(self.voltage.si * self.current(direction).si, "W")


class Served(Model):
    """What a simulated bench that another process serves was told to be, and where its clock can be held."""

    twin: str
    faults: tuple[str, ...] = ()
    seed: int = 1
    clock: str = ""
    """`host:port`; empty where the twin goes by the wall."""


class GoldenPack(Model):
    """A pack that is known to be good; when it fails, the bench is not."""

    serial: str = Field(min_length=1)
    every: Seconds | None = None
    """How often it must pass before products are tested; None: nobody asks for it."""


class Bench(Model):
    """One bench with its slots."""

    bench: str
    title: str
    kind: Literal["real", "simulated"] = "real"
    """A simulated bench is served by the twin; its addresses are filled in when it starts."""
    shared: dict[Role, Entry] = Field(default_factory=dict)
    slots: dict[int, dict[Role, Entry]] = Field(min_length=1)
    envelope: Envelope
    uncertainty: dict[str, dict[Kind, UncertaintyText]]
    operator_time: Seconds = Quantity(60.0, "s")
    served: Served | None = None
    """Written by `station twin serve`, with the addresses at which it answers."""
    golden: dict[str, QuantityText] = Field(default_factory=dict)
    """What the golden pack of this bench measures, by the name of the measurement: the middle of `golden +- 20 %`."""
    golden_pack: GoldenPack | None = None
    store: StoreUrl | None = None
    """The central store that gets a copy of every record, as an SQLAlchemy URL; None: there is none."""

    @property
    def needs_twin(self) -> bool:
        """Whether it is a simulated bench whose addresses are still to be filled in, by the twin that will serve it."""
        entries = [entry for roles in (self.shared, *self.slots.values()) for entry in roles.values()]
        addresses = [entry.at for entry in entries if isinstance(entry, InstrumentEntry | PortEntry)]
        return self.kind == "simulated" and any(at == "auto" or "::0::" in at for at in addresses)

    def roles(self, slot: int) -> dict[str, AnyEntry]:
        """Everything that a run in `slot` can use; raises KeyError for an unknown slot."""
        return {**self.shared, **self.slots[slot]}

    def played_by(self, slot: int, role: str) -> str:
        """The role under which the box stands that plays `role`; itself, unless another one's box does."""
        entry = self.roles(slot)[role]
        return entry.by if isinstance(entry, WiredEntry) else role

    def by_person(self, slot: int, role: str) -> bool:
        """Whether a person fills a role of a slot."""
        entry = self.roles(slot).get(role)
        return isinstance(entry, WiredEntry) and entry.by == OPERATOR

    def u(self, role: str, kind: str, value: float) -> float | None:
        """Expanded uncertainty of what `role` measures, None if the bench file does not state it."""
        stated = self.uncertainty.get(role, {}).get(kind)
        return None if stated is None else stated.of(value)


def check(document: Document, bench: Bench) -> Iterator[Fault]:
    """What is wrong with a bench file beyond its form: wiring that leads nowhere, channels used twice, wrong units."""
    groups: list[tuple[Location, dict[str, AnyEntry]]] = [(("shared",), dict(bench.shared))]
    groups += [(("slots", str(slot)), dict(roles)) for slot, roles in bench.slots.items()]
    for at, roles in groups:
        for role, entry in roles.items():
            for word, message in _entry_faults(role, entry, {**bench.shared, **roles}):
                yield document.fault((*at, role, word), message)
        yield from (document.fault((*at, role), message) for role, message in _channels_twice(roles))
    yield from (document.fault(("uncertainty", *at), message) for at, message in _uncertainties(bench))
    for name, limit in bench.envelope:
        if isinstance(limit, Quantity) and limit.value <= 0:
            yield document.fault(("envelope", name), f"`{name}`: {shown(limit)} must be more than nothing")


def _entry_faults(role: str, entry: AnyEntry, roles: Mapping[str, AnyEntry]) -> Iterator[tuple[str, str]]:
    """What is wrong with one entry, as (word, message)."""
    expected = "at" if role in PORTS else "model" if role in INSTRUMENTS else "by" if role in WIRING else ""
    written = {InstrumentEntry: "model", WiredEntry: "by", PortEntry: "at"}[type(entry)]
    by_operator = isinstance(entry, WiredEntry) and entry.by == OPERATOR
    shares = role in ("supply", "load") and written == "by"
    if by_operator or (expected and written != expected and not shares):
        if not by_operator:
            yield NAME_ITSELF, f"role `{role}`: expected `{expected}: ...`, which says what fills it"
        return
    if isinstance(entry, WiredEntry):
        if not isinstance(roles.get(entry.by), InstrumentEntry):
            known = [name for name, each in roles.items() if isinstance(each, InstrumentEntry)]
            yield "by", f"{shown(entry.by)} is no instrument of this slot{nearest(entry.by, (*known, OPERATOR))}"
        for word in WIRING.get(role, ()):
            if not getattr(entry, word):
                yield NAME_ITSELF, f"role `{role}`: `{word}` is missing"
        if entry.settle.value < 0:
            yield "settle", f"`settle`: {shown(entry.settle)} must not be less than nothing"
        if entry.ratio is not None and entry.ratio.value <= 0:
            yield "ratio", f"`ratio`: {shown(entry.ratio)} must be more than nothing"


def _channels_twice(roles: Mapping[str, AnyEntry]) -> Iterator[tuple[str, str]]:
    """Every role with a channel that an earlier role of the slot has already, as (role, message)."""
    used: dict[str, str] = {}
    for role, entry in roles.items():
        if isinstance(entry, WiredEntry):
            channels = [entry.output, entry.input, *entry.inputs.values()]
        else:
            channels = [entry.loop_back if isinstance(entry, PortEntry) else None]
        for channel in (str(each) for each in channels if each is not None):
            if channel in used:
                yield role, f"channel `{channel}` of `{role}` is that of `{used[channel]}` already"
            used[channel] = role


def _uncertainties(bench: Bench) -> Iterator[tuple[Location, str]]:
    known = {*bench.shared, "clock"}.union(*bench.slots.values())
    for role, stated in bench.uncertainty.items():
        if role not in known:
            yield (role, NAME_ITSELF), f"`{role}` is no role of this bench{nearest(role, known)}"
        for kind, each in stated.items():
            if each.kind not in ("", kind):
                yield (role, kind), f"the uncertainty of a {kind} is a {kind} itself, and this is a {each.kind}"
