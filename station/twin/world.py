"""The whole simulated bench: pack, circuit, instruments and wiring, carried through time together and served on the
wires.

It is wired as the bench file says: the same channels that the station switches and reads. Time moves in steps that
end at whatever comes next (a sample of the BMS, an instrument's business, a fault that sets in), at most 100 ms apart.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping
from functools import partial

import numpy as np

from station.clock import Clock, SteppedClock, VirtualClock
from station.model.bench import Bench, InstrumentEntry, PortEntry, WiredEntry
from station.model.fault import FaultFile
from station.model.pack import Pack as PackFile
from station.model.protocol import Protocol
from station.twin.cables import Cable
from station.twin.circuit import Circuit, Contactor, Found
from station.twin.faults import Faults
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
from station.twin.pack import Pack, make_pack
from station.twin.panel import Panel
from station.twin.parameters import assign
from station.twin.scpi import Instrument
from station.twin.serial_side import SerialSide, read_commands
from station.twin.server import Server
from station.twin.states import State
from station.twin.terminals import SinkTerminals, SourceTerminals
from station.twin.watchdog import WatchdogRelay
from station.twin.wiring import Sensors, Sockets, Wiring

PUT_OFF = 0.06
"""Seconds of virtual time that may pass before the world follows; an exchange lets it follow in any case."""
LONGEST_STEP = 0.1
"""Seconds; the cells are exact over any step of one current, and the circuit sees them as they will be at its end."""
SHUNT = 0.25e-3
"""Ohms of a shunt that the bench file does not state."""
BOARD_SERIAL = "PB00000001"
"""What the BMS says that its own serial number is."""


class CannotServe(ValueError):
    """A bench file that the twin cannot stand in for; the message says why."""


class Twin:
    """A simulated bench with its pack.

    The public attributes are the roots of every parameter name: `bms`, `cells`, `pack`, `circuit`, `supply`, `load`,
    `voltmeter`, `switch`, `lines`, `bus`, `connections`, `sensors`, `sockets`, `watchdog`.
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
        self.watchdog = WatchdogRelay()
        self._source, self._sink = SourceTerminals(), SinkTerminals()
        self._roles = bench.roles(slot)
        self._wiring = Wiring(self._roles, self.pack, lambda: self._found, lambda: clock.now() - self._origin)
        self.circuit = Circuit(
            main=Contactor(),
            supply_contactor=Contactor(closed=True),
            load_contactor=Contactor(closed=True),
            shunt=self._wiring.shunt(SHUNT),
        )
        self._contactor_wanted = False
        self._found = self._solve(0.0)
        self.instruments = self._make_instruments(rng)
        self._serial = SerialSide(
            (name for name, entry in self._roles.items() if isinstance(entry, PortEntry)),
            self.pack,
            protocol,
            read_commands(protocol),
            lambda address: _pack(pack_file, protocol, state, f"NEIGHBOUR-{address:02}", seed + address),
            lambda: clock.now() - self._origin,
            seed,
        )
        self.lines, self.bus = self._serial.lines, self._serial.bus
        self._faults = Faults(self, faults)
        self._next_sample = self.bms.PERIOD
        self.server = Server(clock, self._advance_to, self._due, seed)
        for role, instrument in self.instruments.items():
            self.server.add_instrument(role, instrument)
        for role, line in self.lines.items():
            self.server.add_line(role, line)
        if isinstance(clock, VirtualClock | SteppedClock):
            clock.attach(self._put_off, self.server)

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
    def sensors(self) -> Sensors:
        """What stands between the pack and the bench besides wires."""
        return self._wiring.sensors

    @property
    def sockets(self) -> Sockets:
        """What the bench finds at the sockets of the pack."""
        return self._wiring.sockets

    @property
    def connections(self) -> Mapping[str, Cable]:
        """The network cable of each instrument: `connections.voltmeter.cut`."""
        return self.server.cables

    # ------------------------------------------------------------------------------------------------ life

    def start(self) -> None:
        """Serve."""
        self.server.start()

    def awaken(self) -> None:
        """Let a pack that sleeps be started by its key, before time begins: its first answer is due when this ends."""
        with self._lock:
            for pressed, lasts in ((True, self.bms.key.start), (False, self.bms.power.boot)):
                self.pack.press(pressed and self.bms.power.mode == "asleep")
                self.advance(self._now + lasts + self.bms.PERIOD)
            self._origin = self._clock.now() - self._now

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
        self.catch_up()
        with self._lock:
            assign(self, path, value)

    def step_began(self, step: str) -> None:
        """Let the faults set in that wait for a step of the run; raises UnknownParameter."""
        self.catch_up()
        with self._lock:
            self._faults.step_began(step)
            self._faults.settle(self._now)

    def break_now(self) -> None:
        """Let the faults set in that are there from the start; raises UnknownParameter."""
        with self._lock:
            self._faults.settle(self._now)

    # ------------------------------------------------------------------------------------------------ time

    def catch_up(self) -> None:
        """Bring everything to the present of the clock; whoever looks or commands otherwise than over a wire needs it,
        since in virtual time the world may be up to `PUT_OFF` behind.
        """
        self._advance_to(self._clock.now())

    def _advance_to(self, clock_time: float) -> None:
        with self._lock:
            self.advance(clock_time - self._origin)

    def _put_off(self, clock_time: float) -> None:
        """Virtual time has moved. What is little waits for the next exchange, before which nobody can look."""
        if clock_time - self._origin - self._now >= PUT_OFF:
            self._advance_to(clock_time)

    def _due(self) -> float:
        """When something happens next, by the clock."""
        return self._origin + min(self._next_sample, self._next_business())

    def advance(self, to: float) -> None:
        """Carry everything to `to` seconds after the start; nothing to do when that is not later than now."""
        while self._now < to - 1e-12:
            target = min(to, self._now + LONGEST_STEP, self._next_sample, self._next_business())
            dt, self._now = target - self._now, target
            self._hold_contactor()
            self._found = self._solve(dt)
            self.pack.apply(self._found.current, self._found.terminal_voltage)
            if self._now >= self._next_sample - 1e-12:
                self.pack.tick(self._now)
                self._next_sample += self.bms.PERIOD
            for instrument in self.instruments.values():
                instrument.tick(self._now)
            self._serial.tick(self._now)
            self._faults.settle(self._now)
            self.server.tick(self._origin + self._now)

    def _next_business(self) -> float:
        soonest = min(instrument.next_due for instrument in self.instruments.values())
        idle = self.server.next_due - self._origin
        return max(min(soonest, idle, self._faults.due(self._now)), self._now + 1e-6)

    def _solve(self, dt: float) -> Found:
        return self.circuit.solve(self.pack.branch(dt), self._source, self._sink, dt)

    # ------------------------------------------------------------------------------------------------ wiring

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
        model, serial = MODELS.get(entry.model), entry.serial or "SIM0001"
        own = np.random.default_rng(rng.integers(2**32))
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
                voltages=self._wiring.voltages(),
                resistances=self._wiring.resistances(),
                temperatures=self._wiring.temperatures(),
                digital_inputs=self._wiring.digital_input,
            )
        raise CannotServe(f"the twin has no {entry.model} for the role {role}; it has {', '.join(MODELS)}")

    def _switched(self, switch: DataAcquisition) -> None:
        """The relays moved: contactor, key and loop-back follow."""
        is_on = partial(self._wiring.is_on, switch=switch)
        self.watchdog.see(is_on("watchdog"), self._now)
        self._contactor_wanted = is_on("contactor")
        self._hold_contactor()
        self.pack.press(is_on("key") and not self.sensors.key_actuator_dead)
        for name, line in self.lines.items():
            line.loop_back = self._wiring.loops_back(name, switch)

    def _hold_contactor(self) -> None:
        """The contactor is closed where the switch unit and the watchdog relay both want it."""
        self.circuit.main.closed = self._contactor_wanted and self.watchdog.closed(self._now)


REGULATES_TO = 1.03
"""How many times its nominal current a charge limiter regulates to, so that this current passes untouched."""


def _board(file: PackFile) -> Iterator[tuple[str, str | float | bool]]:
    """What the product file says of its board that stands in no register, by the names of the parameters."""
    for name in ("alarm", "low"):
        if (contact := file.contacts.get(name)) is not None:
            for state in ("healthy", "alarm", "dead"):
                yield f"bms.contacts.{name}.{state}", getattr(contact, state)
    for recovery in (each.recovery for each in file.protection.values() if each.recovery is not None):
        yield "bms.recovery.after", recovery.after.si
        yield "bms.recovery.locks_after", recovery.locks_after
        yield "bms.recovery.within", recovery.within.si
    limit = file.limits.get("charge_limit")
    if not file.charge_limiter:
        yield "bms.limiter.current", 0.0
    elif limit is not None and limit.is_.low is not None and limit.is_.high is not None:
        nominal = (limit.is_.low + limit.is_.high) / 2
        yield "bms.limiter.start", nominal
        yield "bms.limiter.current", REGULATES_TO * nominal
    for name, value in (
        ("stop_difference", file.balancing.stop_difference.is_.high),
        ("current", file.balancing.current.is_.high),
        ("coldest", file.balancing.temperature.is_.low),
        ("warmest", file.balancing.temperature.is_.high),
    ):
        if value is not None:
            yield f"bms.balancing.{name}", value


def _pack(file: PackFile, protocol: Protocol, state: State, serial_number: str, seed: int) -> Pack:
    """The pack that the product file describes, with the released parameters in its memory."""
    words = {
        protocol.by_name[name].address: protocol.by_name[name].encode(quantity.si)[0]
        for name, quantity in file.released.items()
    }
    texts = {"version": file.firmware.approved[0], "model_sn": BOARD_SERIAL, "pack_sn": serial_number}
    panel = Panel(file.lamp_states, {word: file.flash_times(word) for word in file.flash})
    accepts = {name: each.accepts for name, each in file.protection.items() if each.accepts is not None}
    return make_pack(
        state,
        protocol=protocol,
        parameters=words,
        texts=texts,
        accepts=accepts,
        board=dict(_board(file)),
        panel=panel,
        seed=seed,
        n=file.cells,
        capacity=file.rated["capacity"].si,
    )
