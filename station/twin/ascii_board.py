"""What the BMS answers to each ASCII command, and does: the same registers and the same board as on the Modbus side."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from math import inf
from typing import Literal, cast

from station.codecs import pace_values
from station.codecs.pace_ascii import Frame, Rtn
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
from station.twin.ascii_control import Control, Declined, Handler
from station.twin.ascii_service import HIGHEST_VOLTAGE, Service, asked, in_range
from station.twin.bms import Bms, Refused

Tail = Literal["none", "soc", "long", "summary"]

HOST = 1
"""Address of the pack that speaks for all."""
HARDWARE = "V1.0"
"""What the board says of itself besides its firmware (C6H)."""
_KINDS: Mapping[Tail, int] = {"none": 3, "soc": 2, "long": 9, "summary": 9}
_LIVE = 37
"""Registers of readings and flags, from 0."""
_CELL_TEMPERATURES = tuple(f"cell_temperature_{number}" for number in range(1, 5))
_TEMPERATURES = (*_CELL_TEMPERATURES, "mosfet_temperature", "ambient_temperature")
_LONG_TAIL = struct.Struct(">BIIBHh")
_SUMMARY = struct.Struct(">II")


def _alone() -> Mapping[int, AsciiBoard]:
    return {}


@dataclass(slots=True)
class AsciiBoard:
    """The commands of one BMS; pack 1 speaks for the `others` too, whom it has found on the parallel bus, by address.

    Boards of the same make differ: `tail` is what an analog answer ends with, `alarm_tail` how many bytes follow the
    known ones in an alarm answer.
    """

    bms: Bms
    registers: Protocol
    commands: Commands
    others: Callable[[], Mapping[int, AsciiBoard]] = _alone
    tail: Tail = "soc"
    alarm_tail: int = 0
    control: Control = field(init=False)
    service: Service = field(init=False)
    _now: float = field(default=0.0, init=False)
    _handlers: Mapping[int, Handler] = field(init=False)

    def __post_init__(self) -> None:
        """Make the table of what answers each command."""
        self.control = Control(self.bms, self.registers, self.commands)
        self.service = Service(self.bms, self.registers, self.commands, self.control)
        self._handlers = self._all_handlers()

    def said_to(self, request: Frame, now: float) -> Frame:
        """The answer to a sound request at `now` s."""
        address = self.bms.address
        try:
            return Frame(address, Rtn.OK, self.answer(request.code, request.info, now))
        except Declined as refusal:
            return Frame(address, refusal.rtn, refusal.info)

    def answer(self, command: int, info: bytes, now: float) -> bytes:
        """Carry a command out at `now` s; the information of the answer. Raises Declined."""
        if command not in self._handlers:
            raise Declined(Rtn.COMMAND)
        self._now = now
        try:
            return self._handlers[command](info)
        except (BadInformation, Refused):
            raise Declined(Rtn.INVALID) from None

    def _all_handlers(self) -> Mapping[int, Handler]:
        named: Mapping[str, Handler] = {
            "pack_count": asked(lambda: bytes((len(self._group()),))),
            "analog": lambda info: self._told(info, AsciiBoard.analog),
            "alarms": lambda info: self._told(info, AsciiBoard.alarms),
            "version": asked(partial(self._texts, "version")),
            "internal_version": asked(self._internal_version),
            "serial_numbers": asked(partial(self._texts, "model_sn", "pack_sn")),
            "write_model_sn": partial(self._write_text, "model_sn"),
            "write_pack_sn": partial(self._write_text, "pack_sn"),
            "capacity": asked(self._capacity),
            "write_capacity": self._write_capacity,
            "clock": asked(lambda: pace_values.clock_information(in_range(self.bms.clock.read(self._now)))),
            "write_clock": self._write_clock,
            **self.control.handlers(lambda: self._now),
            **self.service.handlers(),
        }
        handlers = {self.commands.commands[name]: handler for name, handler in named.items()}
        for kind in self.commands.parameters.values():
            handlers[kind.read] = asked(partial(self._parameters, kind))
            handlers[kind.write] = partial(self._write_parameters, kind)
        return handlers

    # ------------------------------------------------------------------------------------------------ readings

    def _group(self) -> Mapping[int, AsciiBoard]:
        """The packs that this one can speak for, by address."""
        own = {self.bms.address: self}
        return {**own, **self.others()} if self.bms.address == HOST else own

    def _told(self, info: bytes, of: Callable[[AsciiBoard], Analog | Alarms]) -> bytes:
        """COMMAND: this pack, by 0, 1 or its own address, another one of the group, or all in the order of address."""
        if len(info) != 1:
            raise Declined(Rtn.FORMAT)
        (command,), group = info, self._group()
        if command == ALL_PACKS:
            return pace_values.answer(command, [of(group[address]) for address in sorted(group)])
        pack = self if command in (0, HOST) else group.get(command)
        if pack is None:
            raise Declined(Rtn.NO_DATA)
        return pace_values.answer(command, [of(pack)])

    def _live(self) -> dict[str, Value]:
        """Every reading and flag by its register name, as the Modbus side gives it now."""
        words = self.bms.read(0, _LIVE)
        registers = (each for each in self.registers.by_name.values() if each.end <= _LIVE)
        return {each.name: each.decode((words[each.address],)) for each in registers}

    def analog(self) -> Analog:
        """What this pack measures."""
        values = cast("dict[str, float]", self._live())
        return Analog(
            cells=tuple(values[name] for name in self._cells),
            temperatures=tuple(values[name] for name in _TEMPERATURES),
            current=values["current"],
            voltage=min(values["pack_voltage"], HIGHEST_VOLTAGE),
            remaining=values["remaining_capacity"],
            kind=_KINDS[self.tail],
            full=values["full_capacity"],
            cycles=int(values["cycles"]),
            design=values["design_capacity"],
            tail=self._tail(values),
        )

    def _tail(self, values: Mapping[str, float]) -> bytes:
        """State of charge; in a long one also Ah charged and discharged, health, voltage, current; then the group's."""
        soc, soh = int(values["soc"]), int(values["soh"])
        if self.tail in ("none", "soc"):
            return b"" if self.tail == "none" else bytes((soc,))
        gauge, voltage, current = self.bms.gauge, round(1000 * values["pack_voltage"]), round(100 * values["current"])
        long = _LONG_TAIL.pack(soc, int(gauge.charged), int(gauge.discharged), soh, min(voltage, 0xFFFF), current)
        if self.tail == "long":
            return long
        gauges = [board.bms.gauge for board in self._group().values()]
        totals = (sum(each.remaining for each in gauges), sum(each.full for each in gauges))
        return long + _SUMMARY.pack(*(round(100 * total) for total in totals))

    def alarms(self) -> Alarms:
        """What this pack shows."""
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
            instruction=self.control.instruction_of(status),
            control=self.control.state(),
            fault=self._word("status") & 0xFF,
            balancing=self._word("balancing"),
            warning=self._word("warning"),
            tail=bytes(self.alarm_tail),
        )

    def _word(self, name: str) -> int:
        return self.bms.read(self.registers.by_name[name].address, 1)[0]

    @property
    def _cells(self) -> tuple[str, ...]:
        return tuple(f"cell_voltage_{cell}" for cell in range(1, self.bms.cells + 1))

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

    def _internal_version(self) -> bytes:
        """30 characters of the firmware, 10 of the hardware."""
        return self.bms.version.encode().ljust(30) + HARDWARE.encode().ljust(10)

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
        self.bms.clock.set(pace_values.clock(info), self._now)
        return b""
