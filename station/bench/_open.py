"""An open bench: the roles of one slot, each with something behind it, and the wiring in between."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol as Interface
from typing import TypeVar, cast

import pyvisa

from station.bms.errors import BmsError
from station.bms.line import LineStatistics
from station.bms.pace_ascii import PaceAscii
from station.bms.pace_modbus import PaceModbus, Readings
from station.clock import Clock, Scopes
from station.codecs.pace_commands import commands
from station.instruments import DRIVERS
from station.instruments.roles import Identity, Load, Supply, Switch, Voltmeter
from station.model.bench import Bench, Channel, InstrumentEntry, PortEntry, WiredEntry
from station.model.direction import Direction
from station.model.library import Library
from station.model.protocol import Protocol
from station.wires.errors import WireError
from station.wires.serial import SerialWire, loop_back
from station.wires.visa import VisaWire


class MissingRole(LookupError):
    """The bench does not fill a role that a step needs."""


class NotAsNamed(Exception):
    """An instrument is not the one that the bench file names, or its calibration has run out."""


class ProvesNothing(WireError):
    """A line hears itself whatever the loop-back relay does, so that says nothing of it."""


SILENT_FOR = 0.1
"""Seconds of silence that show that a line does not hear itself; its 13 bytes take 14 ms at 9600 baud."""


class Client(Interface):
    """What can be asked of the BMS on every port, whatever it speaks there."""

    @property
    def statistics(self) -> LineStatistics:
        """How the line has behaved so far."""
        ...

    def readings(self) -> Readings:
        """What the pack measures and shows."""
        ...

    def text(self, name: str) -> str:
        """A text such as `pack_sn`, without its padding."""
        ...


ClientT = TypeVar("ClientT", PaceModbus, PaceAscii)


@dataclass(frozen=True)
class Port:
    """A serial line to the pack: the BMS behind it, and the relay that proves the station's own part of the line
    good.
    """

    name: str
    wire: SerialWire
    client: Client
    loop_back: Channel | None
    switch: Switch | None

    @property
    def bms(self) -> PaceModbus:
        """The client, where the port speaks Modbus; raises MissingRole where it does not."""
        return self.speaking(PaceModbus)

    def speaking(self, kind: type[ClientT]) -> ClientT:
        """The client, where it is of that kind; raises MissingRole where it is another."""
        if not isinstance(self.client, kind):
            raise MissingRole(f"{self.name} is served by {type(self.client).__name__}, not by {kind.__name__}")
        return self.client

    def own_line_works(self) -> bool | None:
        """Whether the station hears itself with the loop-back relay closed; None where the bench has no such relay.

        Raises ProvesNothing where it hears itself with that relay open, too.
        """
        if self.loop_back is None or self.switch is None:
            return None
        relay = self.loop_back.number
        self.switch.close([relay])
        try:
            heard = loop_back(self.wire)
        finally:
            self.switch.open([relay])
        if heard and loop_back(self.wire, times=1, within=SILENT_FOR):
            found = f"{self.name} hears itself with its loop-back relay {relay} open"
            raise ProvesNothing(f"{found}: see that relay, and that the adapter does not echo")
        return heard

    def answers(self, serial_number: str) -> bool:
        """Whether the pack says its serial number, which it stores under that name, when asked for it now."""
        try:
            self.client.text(serial_number)
        except BmsError:
            return False
        return True


class OpenBench:
    """Hands out roles. Instruments are opened at first use and identified before anything else is said to them.

    Not thread-safe: one run, one thread.
    """

    def __init__(self, bench: Bench, slot: int, protocol: Protocol, cells: int, clock: Clock, scopes: Scopes) -> None:
        """Open nothing yet; raises MissingRole for a slot that the bench does not have."""
        if slot not in bench.slots:
            raise MissingRole(
                f"bench {bench.bench} has no slot {slot}; it has {', '.join(map(str, sorted(bench.slots)))}"
            )
        self.bench = bench
        self.slot = slot
        self.clock = clock
        self.scopes = scopes
        self._roles = bench.roles(slot)
        self._protocol = protocol
        self._cells = cells
        self._managers: dict[str, pyvisa.ResourceManager] = {}
        self._wires: list[VisaWire | SerialWire] = []
        self._open: dict[str, object] = {}
        self._instrument_wires: dict[str, VisaWire] = {}
        self._ports: dict[str, Port] = {}
        self.pause: Callable[[float], None] = clock.wait
        """How the BMS line lets its gaps pass; a run puts its own sampling wait here."""

    def has(self, role: str) -> bool:
        """Whether this bench fills a role."""
        return role in self._roles

    def by_person(self, role: str) -> bool:
        """Whether a person fills a role."""
        return self.bench.by_person(self.slot, role)

    def wired(self, role: str) -> WiredEntry:
        """How a role is wired; raises MissingRole."""
        entry = self._entry(role)
        if not isinstance(entry, WiredEntry):
            raise MissingRole(f"role {role} of bench {self.bench.bench} is not wired to the switch unit")
        return entry

    @property
    def supply(self) -> Supply:
        """The supply."""
        return cast("Supply", self._instrument("supply"))

    @property
    def load(self) -> Load:
        """The load."""
        return cast("Load", self._instrument("load"))

    def driver(self, direction: Direction) -> Supply | Load:
        """What lets a current flow that way."""
        return self.supply if direction == "charge" else self.load

    @property
    def voltmeter(self) -> Voltmeter:
        """The voltmeter at the pack's own terminals."""
        return cast("Voltmeter", self._instrument("voltmeter"))

    @property
    def switch(self) -> Switch:
        """The relay, multiplexer and digital unit."""
        return cast("Switch", self._instrument("switch"))

    def port(self, name: str) -> Port:
        """A serial line to the pack, opened at first use."""
        if name not in self._ports:
            self._ports[name] = self._open_port(name)
        return self._ports[name]

    def opened(self, name: str) -> Port | None:
        """The line of that name if anything was asked on it."""
        return self._ports.get(name)

    def lines(self) -> Iterator[tuple[str, LineStatistics]]:
        """The name of each port that was opened, and how its line has behaved so far."""
        return ((name, port.client.statistics) for name, port in self._ports.items())

    def port_on(self, wire: object) -> Port | None:
        """The open port that talks over that wire, if one does."""
        return next((port for port in self._ports.values() if port.wire is wire), None)

    def instruments(self) -> Iterator[tuple[str, InstrumentEntry]]:
        """Every instrument of this slot, by role."""
        return ((role, entry) for role, entry in self._roles.items() if isinstance(entry, InstrumentEntry))

    def identify(self, role: str) -> Identity:
        """Ask an instrument who it is; raises NotAsNamed if it is another one than the bench file says."""
        entry = self._entry(role)
        assert isinstance(entry, InstrumentEntry)
        found = cast("Supply", self._instrument(role)).identify()
        if not found.model or found.model.lower() not in entry.model:
            raise NotAsNamed(f"{role} at {entry.at} says it is a {found.model}, the bench file says {entry.model}")
        if entry.serial and found.serial_number != entry.serial:
            raise NotAsNamed(
                f"{role} at {entry.at} has serial number {found.serial_number}, the bench file says {entry.serial}"
            )
        return found

    def reset(self, role: str) -> None:
        """Bring an instrument to its defaults; raises what it raises."""
        cast("Supply", self._instrument(role)).reset()

    def u(self, role: str, kind: str, value: float) -> float | None:
        """Expanded uncertainty of a reading of `role`."""
        return self.bench.u(role, kind, value)

    def close(self) -> None:
        """Close every wire; what cannot be closed any more is left to the operating system."""
        for wire in self._wires:
            try:
                wire.close()
            except (WireError, OSError):
                continue
        for manager in self._managers.values():
            manager.close()
        self._wires.clear()

    def _entry(self, role: str) -> InstrumentEntry | WiredEntry | PortEntry:
        if role not in self._roles:
            raise MissingRole(f"bench {self.bench.bench} has no {role}")
        return self._roles[role]

    def _instrument(self, role: str) -> object:
        if role not in self._open:
            self._entry(role)
            owner = self.bench.played_by(self.slot, role)
            box = self._entry(owner)
            if not isinstance(box, InstrumentEntry):
                raise MissingRole(f"role {role} of bench {self.bench.bench} is not an instrument")
            self._open[role] = DRIVERS[box.model](self._visa(owner, box), role)
        return self._open[role]

    def _visa(self, owner: str, entry: InstrumentEntry) -> VisaWire:
        """The wire of an instrument, which both roles share when it fills two."""
        if owner not in self._instrument_wires:
            wire = VisaWire(entry.at, self.scopes, self._manager(entry.backend))
            self._wires.append(wire)
            self._instrument_wires[owner] = wire
        return self._instrument_wires[owner]

    def _manager(self, backend: str) -> pyvisa.ResourceManager:
        if backend not in self._managers:
            self._managers[backend] = pyvisa.ResourceManager(backend)
        return self._managers[backend]

    def _open_port(self, name: str) -> Port:
        entry = self._entry(name)
        assert isinstance(entry, PortEntry)
        wire, client = self._ascii(entry) if name == "rs232" else self._modbus(entry)
        self._wires.append(wire)
        return Port(name, wire, client, entry.loop_back, self.switch if self.has("switch") else None)

    def _modbus(self, entry: PortEntry) -> tuple[SerialWire, Client]:
        wire = SerialWire(entry.at, self.scopes, self._protocol.line.baud)
        return wire, PaceModbus(
            wire, self._protocol, entry.address, self.clock, lambda seconds: self.pause(seconds), cells=self._cells
        )

    def _ascii(self, entry: PortEntry) -> tuple[SerialWire, Client]:
        taken = commands(Library.default().open("protocol", "pace-ascii"), self._protocol)
        wire = SerialWire(entry.at, self.scopes, taken.line.baud)
        return wire, PaceAscii(
            wire, taken, self._protocol, entry.address, self.clock, lambda seconds: self.pause(seconds),
            cells=self._cells,
        )  # fmt: skip


class Wiring:
    """What the switch unit is wired to: contactor, key, lamps, contacts, shunt, probes."""

    def __init__(self, bench: OpenBench) -> None:
        """Use the channels of the bench file."""
        self._bench = bench

    def switched(self, role: str, on: bool) -> None:
        """Close or open the relay of a role, with read-back, and give the part its time to move."""
        entry = self._bench.wired(role)
        assert entry.output is not None
        (self._bench.switch.close if on else self._bench.switch.open)([entry.output.number])
        self._bench.clock.wait(entry.settle.si)

    def is_on(self, role: str) -> bool:
        """Whether the relay of a role is closed, as the switch unit says."""
        entry = self._bench.wired(role)
        return entry.output is not None and entry.output.number in self._bench.switch.closed()

    def lamps(self) -> Mapping[str, bool]:
        """Which lamps are lit now."""
        return self._bits(self._bench.wired("lamps").inputs)

    def estop_closed(self) -> bool:
        """Whether the hard-wired emergency stop chain is closed."""
        entry = self._bench.wired("estop")
        assert entry.input is not None
        return self._bits({"estop": entry.input})["estop"]

    def sounds(self) -> bool:
        """Whether the microphone hears the buzzer now."""
        entry = self._bench.wired("buzzer")
        assert entry.input is not None
        return self._bits({"buzzer": entry.input})["buzzer"]

    def contacts(self) -> Mapping[str, float]:
        """Resistance of each dry contact in ohms."""
        return self.ohms("contacts")

    def ohms(self, role: str) -> Mapping[str, float]:
        """Resistance on each input of a role in ohms, by its name there, infinite beyond the range of the meter."""
        entry = self._bench.wired(role)
        inputs = entry.inputs | ({role: entry.input} if entry.input is not None else {})
        return {name: self._bench.switch.resistance(channel.number) for name, channel in inputs.items()}

    def volts(self, role: str) -> float:
        """Voltage on the channel of a role (`case`, `supply_side`)."""
        return self._bench.switch.voltage(self._channel(role))

    def shunt_current(self) -> float:
        """Current through the shunt in amperes, positive while charging."""
        ratio = self._bench.wired("shunt").ratio
        assert ratio is not None
        return self._bench.switch.voltage(self._channel("shunt")) / ratio.si

    def ambient(self) -> float:
        """Temperature beside the pack in degC."""
        return self._bench.switch.temperature(self._channel("ambient"))

    def _channel(self, role: str) -> int:
        entry = self._bench.wired(role)
        assert entry.input is not None
        return entry.input.number

    def _bits(self, inputs: Mapping[str, Channel]) -> Mapping[str, bool]:
        numbers = {channel.number for channel in inputs.values()}
        ports = {number: self._bench.switch.read_port(number) for number in sorted(numbers)}
        return {name: bool(ports[channel.number] >> (channel.bit or 0) & 1) for name, channel in inputs.items()}
