"""The whole simulated bench: pack, circuit, instruments and wiring, carried through time together and served on the
wires.

It is wired as the bench file says: the same channels that the station switches and reads. Time moves in steps that
end at whatever comes next (a sample of the BMS, an instrument's business, a fault that sets in), at most 50 ms apart.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol as Interface

import numpy as np

from station.clock import Clock, VirtualClock
from station.codecs.pace_commands import commands
from station.model.bench import Bench, InstrumentEntry, PortEntry, WiredEntry
from station.model.fault import FaultFile
from station.model.library import Library
from station.model.pack import Pack as PackFile
from station.model.protocol import Protocol
from station.twin.bms import Bms
from station.twin.circuit import Circuit, Contactor, Found
from station.twin.instruments import (
    MODELS,
    ChromaLoad,
    ChromaSupply,
    DataAcquisition,
    EaPsb10000,
    ItechIt6000C,
    KeysightRp7900,
    Multimeter,
)
from station.twin.pace_ascii import PaceAsciiServer
from station.twin.pace_modbus import PaceServer
from station.twin.pack import Pack, make_pack
from station.twin.panel import Panel
from station.twin.parameters import UnknownParameter, assign
from station.twin.scpi import Instrument
from station.twin.server import Exchange, Server
from station.twin.states import State
from station.twin.terminals import SinkTerminals, SourceTerminals

LONGEST_STEP = 0.05
"""Seconds; the cells' own updates are exact for any step, the circuit's slow drift is not."""
CONTACT_CLOSED, CONTACT_OPEN = 0.15, 50e6
"""Ohms of a dry contact with its leads."""
BOARD_SERIAL = "PB00000001"
"""What the BMS says that its own serial number is."""


class CannotServe(ValueError):
    """A bench file that the twin cannot stand in for; the message says why."""


class SerialServer(Interface):
    """One serial port of the BMS; `turnaround` s pass between a request and its answer."""

    turnaround: float

    def seconds(self, count: int) -> float:
        """How long `count` bytes take on the line."""
        ...

    def received(self, data: bytes, at: float) -> None:
        """Hear bytes of which the last one ended at `at` s."""
        ...

    def reply(self, at: float) -> bytes | None:
        """The answer to what was heard by `at` s, if there is one."""
        ...


@dataclass
class Line:
    """A serial line between station and pack; the relay of its loop-back joins the station's transmitter to its
    receiver.
    """

    server: SerialServer
    now: Callable[[], float]
    loop_back: bool = False
    loop_back_broken: bool = False
    cut: bool = False
    """Nothing arrives at either end."""

    def exchange(self, data: bytes, send: Callable[[bytes], None]) -> Exchange:
        """Bytes from the station: back to itself, or to the BMS and its answer."""
        yield self.server.seconds(len(data))
        if self.cut:
            return
        if self.loop_back:
            if not self.loop_back_broken:
                send(data)
            return
        self.server.received(data, self.now())
        yield self.server.turnaround
        reply = self.server.reply(self.now())
        if reply is not None:
            yield self.server.seconds(len(reply))
            send(reply)


@dataclass
class Sensors:
    """What stands between the pack and the bench besides wires."""

    estop_closed: bool = True
    blind: set[str] = field(default_factory=set)
    """Lamps whose light sensor sees nothing."""
    key_actuator_dead: bool = False
    probe_error: float = 0.0
    """Kelvin by which the probe beside the pack reads too high."""


class Twin:
    """A simulated bench with its pack.

    The public attributes are the roots of every parameter name: `bms`, `cells`, `pack`, `circuit`, `supply`, `load`,
    `voltmeter`, `switch`, `lines`, `connections`, `sensors`.
    """

    def __init__(
        self,
        bench: Bench,
        pack_file: PackFile,
        protocol: Protocol,
        state: State,
        clock: Clock,
        *,
        serial_number: str,
        seed: int = 1,
        slot: int = 1,
        faults: Iterable[FaultFile] = (),
    ) -> None:
        """Wire everything up; raises CannotServe."""
        rng = np.random.default_rng((seed, 3))
        self._clock = clock
        self._origin = clock.now()
        self._now = 0.0
        self._lock = threading.RLock()
        self.pack = _pack(pack_file, protocol, state, serial_number, seed)
        self.bms, self.cells = self.pack.bms, self.pack.cells
        self.sensors = Sensors()
        self._source, self._sink = SourceTerminals(), SinkTerminals()
        self._roles = bench.roles(slot)
        self.circuit = Circuit(
            main=Contactor(),
            supply_contactor=Contactor(closed=True),
            load_contactor=Contactor(closed=True),
            shunt=self._shunt(),
        )
        self._found = self._solve(0.0)
        self.instruments = self._make_instruments(rng)
        self.lines = {
            name: Line(_serial_server(name, self.bms, protocol), clock.now)
            for name, entry in self._roles.items()
            if isinstance(entry, PortEntry)
        }
        self._due = self._set_faults(tuple(faults))
        self._next_sample = self.bms.PERIOD
        self.server = Server(clock, self._advance_to)
        for role, instrument in self.instruments.items():
            self.server.add_instrument(role, instrument)
        for role, line in self.lines.items():
            self.server.add_line(role, line)
        if isinstance(clock, VirtualClock):
            clock.attach(self._advance_to)

    # ------------------------------------------------------------------------------------------------ roots of names

    @property
    def supply(self) -> Instrument:
        """The supply."""
        return self.instruments["supply"]

    @property
    def load(self) -> Instrument:
        """The load, which may be the same box as the supply."""
        return self.instruments.get("load", self.supply)

    @property
    def voltmeter(self) -> Instrument:
        """The voltmeter."""
        return self.instruments["voltmeter"]

    @property
    def switch(self) -> Instrument:
        """The switch unit."""
        return self.instruments["switch"]

    @property
    def connections(self) -> Mapping[str, _Cable]:
        """The network cable of each instrument: `connections.voltmeter.cut`."""
        return {role: _Cable(self.server, role) for role in self.instruments}

    # ------------------------------------------------------------------------------------------------ life

    def start(self) -> None:
        """Serve."""
        self.server.start()

    def stop(self) -> None:
        """Stop serving."""
        self.server.stop()

    def served(self, bench: Bench, slot: int = 1) -> Bench:
        """The bench file with the addresses at which the twin answers."""

        def at(role: str, entry: InstrumentEntry | WiredEntry | PortEntry) -> InstrumentEntry | WiredEntry | PortEntry:
            address = self.server.addresses.get(role)
            return entry if address is None else entry.model_copy(update={"at": address})

        shared = {role: at(role, entry) for role, entry in bench.shared.items()}
        own = {role: at(role, entry) for role, entry in bench.slots[slot].items()}
        return bench.model_copy(update={"shared": shared, "slots": {**bench.slots, slot: own}})

    # ------------------------------------------------------------------------------------------------ faults

    def set(self, path: str, value: str | int | float | bool) -> None:
        """Change a parameter by its name; raises UnknownParameter."""
        with self._lock:
            assign(self, path, value)

    def step_began(self, step: str) -> None:
        """Let the faults set in that wait for a step of the run."""
        for fault in [fault for fault in self._waiting_for_step if fault.when and fault.when.step == step]:
            self._apply(fault)

    def _set_faults(self, faults: tuple[FaultFile, ...]) -> list[tuple[float, FaultFile]]:
        self._waiting_for_step = [fault for fault in faults if fault.when is not None and fault.when.step is not None]
        self._faults_from_start = [fault for fault in faults if fault.when is None]
        return sorted(
            ((fault.when.at.si, fault) for fault in faults if fault.when is not None and fault.when.at is not None),
            key=lambda due: due[0],
        )

    def break_now(self) -> None:
        """Let the faults set in that are there from the start; raises UnknownParameter."""
        for fault in self._faults_from_start:
            self._apply(fault)

    def _apply(self, fault: FaultFile) -> None:
        for path, value in fault.change.items():
            try:
                self.set(path, value)
            except UnknownParameter as error:
                raise UnknownParameter(f"fault {fault.fault}: {error}") from None

    # ------------------------------------------------------------------------------------------------ time

    def _advance_to(self, clock_time: float) -> None:
        with self._lock:
            self.advance(clock_time - self._origin)

    def advance(self, to: float) -> None:
        """Carry everything to `to` seconds after the start; nothing to do when that is not later than now."""
        while self._now < to - 1e-12:
            target = min(to, self._now + LONGEST_STEP, self._next_sample, self._next_business())
            dt, self._now = target - self._now, target
            self._found = self._solve(dt)
            self.pack.apply(self._found.current, self._found.terminal_voltage, dt)
            if self._now >= self._next_sample - 1e-12:
                self.pack.tick(self._now)
                self._next_sample += self.bms.PERIOD
            for instrument in self.instruments.values():
                instrument.tick(self._now)
            while self._due and self._due[0][0] <= self._now:
                self._apply(self._due.pop(0)[1])

    def _next_business(self) -> float:
        soonest = min(instrument.next_due for instrument in self.instruments.values())
        fault = self._due[0][0] if self._due else float("inf")
        return max(min(soonest, fault), self._now + 1e-6)

    def _solve(self, dt: float) -> Found:
        return self.circuit.solve(self.pack.branch, self._source, self._sink, dt)

    # ------------------------------------------------------------------------------------------------ wiring

    def _shunt(self) -> float:
        entry = self._roles.get("shunt")
        return entry.ratio.si if isinstance(entry, WiredEntry) and entry.ratio is not None else 0.25e-3

    def _make_instruments(self, rng: np.random.Generator) -> dict[str, Instrument]:
        made = {
            role: self._make(role, entry, rng)
            for role, entry in self._roles.items()
            if isinstance(entry, InstrumentEntry)
        }
        switch = made.get("switch")
        if isinstance(switch, DataAcquisition):
            switch.changed = lambda: self._switched(switch)
        return made

    def _make(self, role: str, entry: InstrumentEntry, rng: np.random.Generator) -> Instrument:
        model, serial, own = (
            MODELS.get(entry.model),
            entry.serial or "SIM0001",
            np.random.default_rng(rng.integers(2**32)),
        )
        if model is ChromaSupply:
            return ChromaSupply(serial=serial, rng=own, terminals=self._source)
        if model is ChromaLoad:
            return ChromaLoad(serial=serial, rng=own, terminals=self._sink)
        if model is EaPsb10000 or model is ItechIt6000C or model is KeysightRp7900:
            return model(serial=serial, rng=own, source=self._source, sink=self._sink)
        if model is Multimeter:
            return Multimeter(serial=serial, rng=own, probe=lambda: self._found.sensed_voltage)
        if model is DataAcquisition:
            return DataAcquisition(
                serial=serial,
                rng=own,
                voltages=self._voltages(),
                resistances=self._resistances(),
                temperatures=self._temperatures(),
                digital_inputs=self._digital_input,
            )
        raise CannotServe(f"the twin has no {entry.model} for the role {role}; it has {', '.join(MODELS)}")

    def _channels(self, role: str) -> dict[str, int]:
        """Channel numbers of a wired role, by the name of the input (or of the role itself)."""
        entry = self._roles.get(role)
        if not isinstance(entry, WiredEntry):
            return {}
        return {name: channel.number for name, channel in entry.inputs.items()} | (
            {role: entry.input.number} if entry.input else {}
        )

    def _voltages(self) -> dict[int, Callable[[], float]]:
        probes: Mapping[str, Callable[[], float]] = {
            "shunt": lambda: self._found.shunt_voltage,
            "case": lambda: self._found.case_voltage,
            "supply_side": lambda: self._found.supply_voltage,
        }
        return {number: probe for role, probe in probes.items() for number in self._channels(role).values()}

    def _resistances(self) -> dict[int, Callable[[], float]]:
        def of(contact: str) -> Callable[[], float]:
            return lambda: CONTACT_CLOSED if self.pack.contacts().get(contact, False) else CONTACT_OPEN

        return {number: of(name) for name, number in self._channels("contacts").items()}

    def _temperatures(self) -> dict[int, Callable[[], float]]:
        return {
            number: lambda: self.pack.ambient + self.sensors.probe_error
            for number in self._channels("ambient").values()
        }

    def _digital_input(self, port: int) -> int:
        byte = 0
        lit = {name: on and name not in self.sensors.blind for name, on in self.pack.lamps(self._now).items()}
        for role, states in (("lamps", lit), ("estop", {"estop": self.sensors.estop_closed})):
            entry = self._roles.get(role)
            if isinstance(entry, WiredEntry):
                inputs = entry.inputs | ({role: entry.input} if entry.input else {})
                byte |= sum(
                    1 << (channel.bit or 0)
                    for name, channel in inputs.items()
                    if channel.number == port and states.get(name, False)
                )
        return byte

    def _switched(self, switch: DataAcquisition) -> None:
        """The relays moved: contactor, key and loop-back follow."""
        closed = switch.relays.closed

        def is_closed(role: str) -> bool:
            entry = self._roles.get(role)
            return isinstance(entry, WiredEntry) and entry.output is not None and entry.output.number in closed

        self.circuit.main.closed = is_closed("contactor")
        self.pack.press(is_closed("key") and not self.sensors.key_actuator_dead)
        for name, line in self.lines.items():
            entry = self._roles[name]
            line.loop_back = (
                isinstance(entry, PortEntry) and entry.loop_back is not None and entry.loop_back.number in closed
            )


def _serial_server(role: str, bms: Bms, protocol: Protocol) -> SerialServer:
    """What answers behind a port: ASCII behind RS232, Modbus behind the others (pack file, `ports`)."""
    if role != "rs232":
        return PaceServer(bms, protocol)
    return PaceAsciiServer(bms, protocol, commands(Library.default().open("protocol", "pace-ascii"), protocol))


def _pack(file: PackFile, protocol: Protocol, state: State, serial_number: str, seed: int) -> Pack:
    """The pack that the product file describes, with the released parameters in its memory."""
    words = {
        protocol.by_name[name].address: protocol.by_name[name].encode(quantity.si)[0]
        for name, quantity in file.released.items()
    }
    texts = {"version": file.firmware.approved[0], "model_sn": BOARD_SERIAL, "pack_sn": serial_number}
    panel = Panel(file.lamp_states, {word: file.flash_times(word) for word in file.flash})
    return make_pack(
        state,
        protocol=protocol,
        parameters=words,
        texts=texts,
        panel=panel,
        seed=seed,
        n=file.cells,
        capacity=file.rated["capacity"].si,
    )


@dataclass
class _Cable:
    """A network cable; cutting it closes every connection of its instrument and refuses new ones."""

    _server: Server
    _role: str

    @property
    def cut(self) -> bool:
        """Whether it is cut."""
        return self._role in self._server.cut

    @cut.setter
    def cut(self, value: bool) -> None:
        (self._server.cut.add if value else self._server.cut.discard)(self._role)
