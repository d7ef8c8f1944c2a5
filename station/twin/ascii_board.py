"""What the BMS answers to each ASCII command, and does: the same registers and the same board as on the Modbus side."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from math import inf
from typing import Literal, cast

from station.codecs import pace_values
from station.codecs.pace_ascii import Rtn
from station.codecs.pace_commands import Commands, ParameterSet
from station.codecs.pace_values import (
    ABOVE,
    ALL_PACKS,
    BELOW,
    NORMAL,
    TEXT_SIZE,
    Alarms,
    Analog,
    BadInformation,
    Capacity,
)
from station.model.protocol import Protocol, Value
from station.twin.bms import Bms, Refused

Tail = Literal["none", "soc", "long"]

FIRST_DATE = datetime(2000, 1, 1)
"""What a clock that was never set says when the twin starts."""
_KINDS: Mapping[Tail, int] = {"none": 3, "soc": 2, "long": 9}
_LIVE = 37
"""Registers of readings and flags, from 0."""
_CELL_TEMPERATURES = tuple(f"cell_temperature_{number}" for number in range(1, 5))
_TEMPERATURES = (*_CELL_TEMPERATURES, "mosfet_temperature", "ambient_temperature")


class Declined(Exception):
    """A sound request that gets a return code and nothing else."""

    def __init__(self, rtn: Rtn) -> None:
        """Keep the return code."""
        self.rtn = rtn
        super().__init__(rtn.name)


@dataclass(slots=True)
class Clock:
    """Date and time; runs on while the pack sleeps."""

    date: datetime = FIRST_DATE
    at: float = 0.0
    """When, on the twin's own clock, it was `date`."""

    def read(self, now: float) -> datetime:
        """What it shows at `now` s."""
        return self.date + timedelta(seconds=now - self.at)


@dataclass(slots=True)
class Switches:
    """What ASCII can switch and nothing else in the twin depends on."""

    buzzer: bool = False
    led_alarm: bool = True


@dataclass(slots=True)
class AsciiBoard:
    """The commands of one BMS. `tail` is what its analog answer ends with; boards of the same make differ in it."""

    bms: Bms
    registers: Protocol
    commands: Commands
    tail: Tail = "soc"
    clock: Clock = field(default_factory=Clock)
    switches: Switches = field(default_factory=Switches)
    _now: float = field(default=0.0, init=False)
    _handlers: Mapping[int, Callable[[bytes], bytes]] = field(init=False)

    def __post_init__(self) -> None:
        """Make the table of what answers each command."""
        self._handlers = self._all_handlers()

    def answer(self, command: int, info: bytes, now: float) -> bytes:
        """Carry a command out at `now` s; the information of the answer. Raises Declined."""
        if command not in self._handlers:
            raise Declined(Rtn.COMMAND)
        self._now = now
        try:
            return self._handlers[command](info)
        except (BadInformation, Refused):
            raise Declined(Rtn.INVALID) from None

    def _all_handlers(self) -> Mapping[int, Callable[[bytes], bytes]]:
        named: Mapping[str, Callable[[bytes], bytes]] = {
            "pack_count": _asked(lambda: b"\x01"),
            "analog": lambda info: pace_values.answer(self._pack(info), [self._analog()]),
            "alarms": lambda info: pace_values.answer(self._pack(info), [self._alarms()]),
            "version": _asked(partial(self._texts, "version")),
            "serial_numbers": _asked(partial(self._texts, "model_sn", "pack_sn")),
            "write_model_sn": partial(self._write_text, "model_sn"),
            "write_pack_sn": partial(self._write_text, "pack_sn"),
            "capacity": _asked(self._capacity),
            "write_capacity": self._write_capacity,
            "clock": _asked(lambda: pace_values.clock_information(self.clock.read(self._now))),
            "write_clock": self._write_clock,
            "control": self._control,
        }
        handlers = {self.commands.commands[name]: handler for name, handler in named.items()}
        for kind in self.commands.parameters.values():
            handlers[kind.read] = _asked(partial(self._parameters, kind))
            handlers[kind.write] = partial(self._write_parameters, kind)
        return handlers

    # ------------------------------------------------------------------------------------------------ readings

    def _pack(self, info: bytes) -> int:
        """COMMAND: this pack, by 0, 1 or its own address, or all; it knows of no other."""
        if len(info) != 1:
            raise Declined(Rtn.FORMAT)
        if info[0] not in (0, 1, self.bms.address, ALL_PACKS):
            raise Declined(Rtn.NO_DATA)
        return info[0]

    def _live(self) -> dict[str, Value]:
        """Every reading and flag by its register name, as the Modbus side gives it now."""
        words = self.bms.read(0, _LIVE)
        registers = (each for each in self.registers.by_name.values() if each.end <= _LIVE)
        return {each.name: each.decode((words[each.address],)) for each in registers}

    def _analog(self) -> Analog:
        values = cast("dict[str, float]", self._live())
        return Analog(
            cells=tuple(values[name] for name in self._cells),
            temperatures=tuple(values[name] for name in _TEMPERATURES),
            current=values["current"],
            voltage=min(values["pack_voltage"], 0xFFFF / 1000),
            remaining=values["remaining_capacity"],
            kind=_KINDS[self.tail],
            full=values["full_capacity"],
            cycles=int(values["cycles"]),
            design=values["design_capacity"],
            tail=self._tail(values),
        )

    def _tail(self, values: Mapping[str, float]) -> bytes:
        """State of charge; in the long one also Ah charged and discharged (not counted), health, voltage, current."""
        if self.tail == "none":
            return b""
        soc, soh = bytes((int(values["soc"]),)), bytes((int(values["soh"]),))
        return soc if self.tail == "soc" else soc + bytes(8) + soh + bytes(4)

    def _alarms(self) -> Alarms:
        live = self._live()
        values = cast("dict[str, float]", live)
        status = cast("frozenset[str]", live["status"])
        states = {name: self._state(values[name], *limits) for name, limits in self._limits().items()}
        return Alarms(
            cells=tuple(states[name] for name in self._cells),
            temperatures=tuple(states[name] for name in _TEMPERATURES),
            charge_current=self._state(values["current"], "", "charge_overcurrent"),
            voltage=self._state(values["pack_voltage"], "pack_undervoltage", "pack_overvoltage"),
            discharge_current=self._state(-values["current"], "", "discharge_overcurrent"),
            protection=self._word("protection"),
            instruction=self.commands.byte_of("instruction", _instruction(status)),
            control=self.commands.byte_of("control", self._control_state()),
            fault=self._word("status") & 0xFF,
            balancing=self._word("balancing"),
            warning=self._word("warning"),
        )

    def _word(self, name: str) -> int:
        return self.bms.read(self.registers.by_name[name].address, 1)[0]

    @property
    def _cells(self) -> tuple[str, ...]:
        return tuple(f"cell_voltage_{cell}" for cell in range(1, self.bms.adc.cells + 1))

    def _limits(self) -> dict[str, tuple[str, str]]:
        """The lower and the upper alarm that each reading is held against."""
        return {
            **dict.fromkeys(self._cells, ("cell_undervoltage", "cell_overvoltage")),
            **dict.fromkeys(_CELL_TEMPERATURES, ("discharge_undertemperature", "discharge_overtemperature")),
            "mosfet_temperature": ("", "mosfet_overtemperature"),
            "ambient_temperature": ("ambient_undertemperature", "ambient_overtemperature"),
        }

    def _state(self, value: float, low: str, high: str) -> int:
        settings = self.bms.memory.values
        if value <= settings.get(f"{low}.alarm", -inf):
            return BELOW
        return ABOVE if value >= settings[f"{high}.alarm"] else NORMAL

    # ------------------------------------------------------------------------------------------------ what it remembers

    def _texts(self, *names: str) -> bytes:
        return b"".join(pace_values.text_information(str(self.bms.memory[name])) for name in names)

    def _write_text(self, name: str, info: bytes) -> bytes:
        if len(info) != TEXT_SIZE:
            raise Declined(Rtn.FORMAT)
        words = [int.from_bytes(info[at : at + 2], "big") for at in range(0, TEXT_SIZE, 2)]
        self.bms.write(self.registers.by_name[name].address, words)
        return b""

    def _parameters(self, kind: ParameterSet) -> bytes:
        words = {name: self.bms.memory.words[self.registers.by_name[name].address] for name in kind.names}
        return kind.encode(words, self.registers.by_name, answer=True)

    def _write_parameters(self, kind: ParameterSet, info: bytes) -> bytes:
        """Store them in one go, as a frame on the Modbus side: all or, where one does not fit, none."""
        new = kind.decode(info, self.registers.by_name, answer=False)
        addressed = {self.registers.by_name[name].address: word for name, word in new.items()}
        block = range(min(addressed), max(addressed) + 1)
        self.bms.write(block.start, [addressed.get(at, self.bms.memory.words[at]) for at in block])
        return b""

    def _capacity(self) -> bytes:
        gauge = self.bms.gauge
        return Capacity(gauge.remaining, gauge.full, gauge.design).encode()

    def _write_capacity(self, info: bytes) -> bytes:
        new = pace_values.capacity(info)
        if not 0 <= new.remaining <= new.full or not new.full or not new.design:
            raise Declined(Rtn.INVALID)
        gauge = self.bms.gauge
        gauge.remaining, gauge.full, gauge.design = new.remaining, new.full, new.design
        return b""

    def _write_clock(self, info: bytes) -> bytes:
        self.clock.date, self.clock.at = pace_values.clock(info), self._now
        return b""

    # ------------------------------------------------------------------------------------------------ what it does

    def _control(self, info: bytes) -> bytes:
        """Switch something; the answer repeats the command and shows the control state."""
        names = {code: name for name, code in self.commands.control.items()}
        if len(info) != 1:
            raise Declined(Rtn.FORMAT)
        if info[0] not in names:
            raise Declined(Rtn.INVALID)
        what, _, state = names[info[0]].rpartition("_")
        self._switch(what, state == "on")
        return bytes((info[0], self.commands.byte_of("control", self._control_state())))

    def _switch(self, what: str, on: bool) -> None:
        match what:
            case "limiter":
                self.bms.limiter.enabled = on
            case "balancing":
                self.bms.balancing.resting = on
            case "buzzer":
                self.switches.buzzer = on
            case "led_alarm":
                self.switches.led_alarm = on
            case _:
                raise Declined(Rtn.FAILED)

    def _control_state(self) -> frozenset[str]:
        bits = {
            "buzzer": self.switches.buzzer,
            "limiter_off": not self.bms.limiter.enabled,
            "led_alarm_off": not self.switches.led_alarm,
        }
        return frozenset(name for name, is_set in bits.items() if is_set)


def _asked(give: Callable[[], bytes]) -> Callable[[bytes], bytes]:
    """A command that carries nothing."""

    def answer(info: bytes) -> bytes:
        if info:
            raise Declined(Rtn.FORMAT)
        return give()

    return answer


def _instruction(status: frozenset[str]) -> frozenset[str]:
    """The instruction state has other words for what the status register calls charging and discharging."""
    other = {"charging": "ac_in", "discharging": "pack_supplies"}
    return frozenset(other.get(name, name) for name in status)
