"""What the channels of the switch unit see and move: the same that the bench file names for the station."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

from station.model.bench import InstrumentEntry, PortEntry, WiredEntry
from station.twin.circuit import Found
from station.twin.instruments import DataAcquisition
from station.twin.pack import Pack

CONTACT_CLOSED, CONTACT_OPEN = 0.15, 50e6
"""Ohms of a dry contact, or between two pins, with the leads."""


@dataclass
class Sensors:
    """What stands between the pack and the bench besides wires."""

    estop_closed: bool = True
    blind: str = ""
    """The lamp whose light sensor sees nothing."""
    key_actuator_dead: bool = False
    probe_error: float = 0.0
    """Kelvin by which the probe beside the pack reads too high."""


@dataclass
class Sockets:
    """Ohms that the bench finds at the sockets of the pack, by port where there are several."""

    joined: dict[str, float] = field(default_factory=dict)
    """Pin 3 to pin 6 of an RS485 socket, which are one ground (manual 6-13)."""
    free: dict[str, float] = field(default_factory=dict)
    """Pins 4 and 5 of it, which lead nowhere, to pin 3."""
    isolation: float = CONTACT_OPEN
    """Between the two dry contacts."""


class Wiring:
    """The channels of one slot, by the bench file."""

    def __init__(
        self,
        roles: Mapping[str, InstrumentEntry | WiredEntry | PortEntry],
        pack: Pack,
        found: Callable[[], Found],
        now: Callable[[], float],
    ) -> None:
        """`found` says what the circuit came to, `now` the seconds since the start."""
        self._roles = roles
        self._pack = pack
        self._found, self._now = found, now
        self.sensors = Sensors()
        self.sockets = Sockets(
            joined=dict.fromkeys(self._channels("pins_joined"), CONTACT_CLOSED),
            free=dict.fromkeys(self._channels("pins_free"), CONTACT_OPEN),
        )

    def shunt(self, otherwise: float) -> float:
        """Ohm of the shunt of the bench."""
        entry = self._roles.get("shunt")
        return entry.ratio.si if isinstance(entry, WiredEntry) and entry.ratio is not None else otherwise

    def voltages(self) -> dict[int, Callable[[], float]]:
        """What each voltage channel sees, V."""
        probes: Mapping[str, Callable[[], float]] = {
            "shunt": lambda: self._found().shunt_voltage,
            "case": lambda: self._found().case_voltage,
            "case_plus": lambda: self._found().case_plus_voltage,
            "supply_side": lambda: self._found().supply_voltage,
        }
        return {number: probe for role, probe in probes.items() for number in self._channels(role).values()}

    def resistances(self) -> dict[int, Callable[[], float]]:
        """What each resistance channel sees, Ohm."""
        probes = {number: partial(self._contact, name) for name, number in self._channels("contacts").items()}
        isolation = {number: lambda: self.sockets.isolation for number in self._channels("contact_isolation").values()}
        pins = {
            number: partial(ohms.__getitem__, name)
            for role, ohms in (("pins_joined", self.sockets.joined), ("pins_free", self.sockets.free))
            for name, number in self._channels(role).items()
        }
        return {**probes, **isolation, **pins}

    def temperatures(self) -> dict[int, Callable[[], float]]:
        """What each temperature channel sees, degC."""
        return {
            number: lambda: self._pack.ambient + self.sensors.probe_error
            for number in self._channels("ambient").values()
        }

    def digital_input(self, port: int) -> int:
        """The byte at a digital port: lamps, E-stop chain and buzzer."""
        byte = 0
        lit = {name: on and name != self.sensors.blind for name, on in self._pack.lamps(self._now()).items()}
        single = {"estop": self.sensors.estop_closed, "buzzer": self._pack.bms.buzzes(self._now())}
        for role, states in (("lamps", lit), ("estop", single), ("buzzer", single)):
            entry = self._roles.get(role)
            if isinstance(entry, WiredEntry):
                inputs = entry.inputs | ({role: entry.input} if entry.input else {})
                byte |= sum(
                    1 << (channel.bit or 0)
                    for name, channel in inputs.items()
                    if channel.number == port and states.get(name, False)
                )
        return byte

    def is_on(self, role: str, switch: DataAcquisition) -> bool:
        """Whether the switch unit drives what is wired to a relay of it, or to a bit of a digital output."""
        entry = self._roles.get(role)
        output = entry.output if isinstance(entry, WiredEntry) else None
        if output is None or output.bit is None:
            return output is not None and output.number in switch.relays.closed
        return bool(switch.outputs.get(output.number, 0) >> output.bit & 1)

    def loops_back(self, line: str, switch: DataAcquisition) -> bool:
        """Whether the loop-back relay of a serial line is closed."""
        entry = self._roles[line]
        relay = entry.loop_back if isinstance(entry, PortEntry) else None
        return relay is not None and relay.number in switch.relays.closed

    def _contact(self, name: str) -> float:
        return CONTACT_CLOSED if self._pack.contacts().get(name, False) else CONTACT_OPEN

    def _channels(self, role: str) -> dict[str, int]:
        """Channel numbers of a wired role, by the name of the input (or of the role itself)."""
        entry = self._roles.get(role)
        if not isinstance(entry, WiredEntry):
            return {}
        return {name: channel.number for name, channel in entry.inputs.items()} | (
            {role: entry.input.number} if entry.input else {}
        )
