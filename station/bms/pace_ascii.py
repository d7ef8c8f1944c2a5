"""The BMS over RS232: PACE ASCII, with every answer checked, reads repeated, and commands read back, never repeated."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TypeVar

from station.bms.ascii_line import AsciiLine
from station.bms.errors import ArrivedDamaged, BmsError, NotStored, PackRefused
from station.bms.exchanges import TRIES, LineStatistics, Wire
from station.bms.identity import Identity
from station.bms.pace_modbus import Readings
from station.clock import Clock
from station.codecs import pace_values
from station.codecs.pace_ascii import Frame, Request
from station.codecs.pace_commands import Commands
from station.codecs.pace_history import HistoryEntry, history, history_request
from station.codecs.pace_values import ALL_PACKS, Alarms, Analog, BadInformation, Capacity
from station.model.protocol import Protocol, Value

ITSELF = 1
"""COMMAND for the pack at the other end of the cable, whatever its address."""
CLOCK_AGREES = 2.0
"""Seconds by which a clock may differ when it is read back: it is set and read in whole ones."""
_TEMPERATURES = 6
_TEXTS = {"version": ("version", 0), "model_sn": ("serial_numbers", 0), "pack_sn": ("serial_numbers", 1)}
"""Command and place of each text; behind the version there may be a Bluetooth name, a pack may have no number yet."""

_WRITABLE = {"model_sn": "write_model_sn", "pack_sn": "write_pack_sn"}
_COMMAND = re.compile(r"([0-9A-F]{2})/((?:[0-9A-F]{2})*)")

T = TypeVar("T")


class PaceAscii:
    """A client of the BMS at the other end of an RS232 cable, which answers with an address of its own."""

    def __init__(
        self,
        wire: Wire,
        commands: Commands,
        registers: Protocol,
        address: int,
        clock: Clock,
        pause: Callable[[float], None] | None = None,
        *,
        cells: int,
    ) -> None:
        """Talk to a pack of `cells` cells; `registers` names parameters and flags, `pause` lets a gap pass."""
        if address not in commands.addresses:
            raise ValueError(f"address {address} is outside {commands.addresses[0]} to {commands.addresses[-1]}")
        self.address = address
        self._commands, self._registers = commands, registers.by_name
        self._clock = clock
        self._line = AsciiLine(wire, commands, clock, pause, lambda: self._identity.prove(self._text))
        self._identity = Identity()
        self._cells = cells

    @property
    def statistics(self) -> LineStatistics:
        """How the line has behaved so far."""
        return self._line.statistics

    @property
    def answered_from(self) -> int | None:
        """The address that the pack gave in its last answer, as its switch has it; None before the first."""
        return self._line.answered_from

    # ------------------------------------------------------------------------------------------------ what it measures

    def readings(self) -> Readings:
        """What the pack measures and shows, in two frames (42H, 44H).

        The status names what this protocol knows: not whether it is charging or discharging, but `ac_in` and
        `pack_supplies`. Raises PackSilent, DamagedAnswer, WrongAnswer or PackRefused.
        """
        seen = self._ask("analog", bytes((ITSELF,)), self._whole_analog)
        shown = self.alarms()
        *cell_temperatures, mosfet, ambient = (math.nan if each is None else each for each in seen.temperatures)
        return Readings(
            current=seen.current,
            pack_voltage=seen.voltage,
            soc=seen.soc,
            soh=seen.soh,
            remaining_capacity=seen.remaining,
            full_capacity=seen.full,
            design_capacity=seen.design,
            cycles=float(seen.cycles),
            warning=self._flags("warning", shown.warning),
            protection=self._flags("protection", shown.protection),
            status=self._flags("status", shown.fault) | self._commands.names_of("instruction", shown.instruction),
            balancing=self._flags("balancing", shown.balancing),
            cell_voltages=seen.cells,
            cell_temperatures=tuple(cell_temperatures),
            mosfet_temperature=mosfet,
            ambient_temperature=ambient,
        )

    def analog(self) -> Analog:
        """The answer to 42H for this pack alone, with as many cells and temperatures as it says that it has."""
        return self._ask("analog", bytes((ITSELF,)), _own_analog)

    def alarms(self) -> Alarms:
        """The answer to 44H for this pack alone."""
        return self._ask("alarms", bytes((ITSELF,)), _own_alarms)

    def packs(self) -> tuple[Analog, ...]:
        """The analog values of every pack of the group (COMMAND FF); only the pack with address 1 knows the others."""
        return self._ask("analog", bytes((ALL_PACKS,)), lambda info: pace_values.analog(info, group=True))

    def pack_count(self) -> int:
        """How many packs the group has; 1 unless this one has address 1 and has found others."""
        return self._ask("pack_count", b"", _one_byte)

    # ------------------------------------------------------------------------------------------------ what it remembers

    def text(self, name: str) -> str:
        """`version`, `model_sn` or `pack_sn`, without padding; raises ValueError for any other name."""
        if name not in _TEXTS:
            raise ValueError(f"no text {name}; there are {', '.join(_TEXTS)}")
        return self._identity.keep(name, self._text(name))

    def serial_numbers(self) -> tuple[str, str]:
        """Of the board and of the pack (C2H); empty where none was given."""
        board, pack, *_ = *self._ask("serial_numbers", b"", pace_values.texts), ""
        return board, pack

    def parameters(self, name: str) -> dict[str, Value]:
        """A set of parameters that travel together, such as `cell_overvoltage`, by register name in station units."""
        kind = self._commands.parameters[name]
        words = self._line.ask(
            Request(f"parameters {name}", Frame(self.address, kind.read)),
            lambda info: kind.decode(info, self._registers),
        )
        return {register: self._registers[register].decode((word,)) for register, word in words.items()}

    def capacity(self) -> Capacity:
        """What is left, a full charge and the design capacity (A6H)."""
        return self._ask("capacity", b"", pace_values.capacity)

    def clock(self) -> datetime:
        """The date and time of the BMS, of no time zone (B1H)."""
        return self._ask("clock", b"", pace_values.clock)

    def history(self, at_most: int) -> tuple[HistoryEntry, ...]:
        """The newest records, so many or as many as there are, each in a frame of its own (A1H)."""
        found: list[HistoryEntry] = []
        while len(found) < at_most:
            entry = self._ask("history", history_request(len(found)), history)
            if entry is None:
                break
            found.append(entry)
        return tuple(found)

    # ------------------------------------------------------------------------------------------------ what it is told

    def set_clock(self, moment: datetime) -> None:
        """Set date and time, to the second; raises NotStored when it reads back something else.

        It runs from the moment at which the frame arrived, and nobody knows that one: what was written counts, what it
        would be by now, and anything between.
        """
        began, whole = self._clock.now(), moment.replace(microsecond=0)

        def see() -> None:
            read, gone = self.clock(), self._clock.now() - began
            if not -CLOCK_AGREES <= (read - whole).total_seconds() <= gone + CLOCK_AGREES:
                raise NotStored("clock", str(whole + timedelta(seconds=gone)), str(read))

        self._tell(self._request("write_clock", pace_values.clock_information(moment)), see)

    def write_text(self, name: str, text: str) -> None:
        """Store `model_sn` or `pack_sn`; raises NotStored when it reads back something else, ValueError for others."""
        if name not in _WRITABLE:
            raise ValueError(f"no text {name} can be written; there are {', '.join(_WRITABLE)}")

        def see() -> None:
            if (found := self.text(name)) != text.rstrip():
                raise NotStored(name, text, found)

        self._tell(self._request(_WRITABLE[name], pace_values.text_information(text)), see)

    def limiter(self, on: bool, command: str | None = None) -> None:
        """Let the charging current limiter work, or not; raises NotStored when the pack says the opposite after it.

        `command` is the pack file's (`99/0B`), for firmware differs in which of two commands means which; raises
        ValueError for what is no command.
        """

        def see() -> None:
            is_on = self.limiter_is_on()
            if is_on != on:
                raise NotStored("charge limiter", _on_or_off(on), _on_or_off(is_on))

        code = self._commands.control["limiter_on" if on else "limiter_off"]
        self._tell(_written(command, self.address) if command else self._request("control", bytes((code,))), see)

    def limiter_is_on(self) -> bool:
        """Whether the pack says that its charging current limiter may work (44H, control state)."""
        return "limiter_off" not in self._commands.names_of("control", self.alarms().control)

    # ------------------------------------------------------------------------------------------------ exchanges

    def _ask(self, name: str, info: bytes, read: Callable[[bytes], T]) -> T:
        return self._line.ask(self._request(name, info), read)

    def _text(self, name: str) -> str:
        command, place = _TEXTS[name]
        return (*self._ask(command, b"", pace_values.texts), "")[place]

    def _tell(self, request: Request, see: Callable[[], None]) -> None:
        """Send a command and look whether it was done; raises NotStored, or what left it in doubt."""
        doubt = self._said(request)
        try:
            see()
        except NotStored:
            if doubt is not None:
                raise doubt from None
            raise

    def _said(self, request: Request) -> BmsError | None:
        """Send a command; what leaves in doubt whether it was done, for one that was not answered may have been.

        Only one that arrived damaged, which was not, is sent again.
        """
        doubt: BmsError | None = None
        for _ in range(TRIES):
            try:
                return self._line.ask(request, lambda _: None, tries=1)
            except ArrivedDamaged as damage:
                doubt = damage
            except PackRefused:
                raise
            except BmsError as error:
                return error
        return doubt

    def _request(self, name: str, info: bytes) -> Request:
        return Request(name.replace("_", " "), Frame(self.address, self._commands.commands[name], info))

    def _whole_analog(self, info: bytes) -> Analog:
        """One that can stand beside the readings of the Modbus side."""
        pack = _own_analog(info)
        found = len(pack.cells), len(pack.temperatures)
        if found != (self._cells, _TEMPERATURES):
            raise BadInformation(
                f"{found[0]} cells and {found[1]} temperatures instead of {self._cells} and {_TEMPERATURES}"
            )
        if not any(pack.cells):
            raise BadInformation("every cell is 0 V: the values of a pack that is not there")
        return pack

    def _flags(self, register: str, word: int) -> frozenset[str]:
        value = self._registers[register].decode((word,))
        assert isinstance(value, frozenset)
        return value


def _written(command: str, address: int) -> Request:
    """A command as a pack file writes it: its number and its information, in hexadecimal."""
    match = _COMMAND.fullmatch(command)
    if match is None:
        raise ValueError(f"`{command}` is no command, such as `99/0B`")
    return Request(f"command {command}", Frame(address, int(match[1], 16), bytes.fromhex(match[2])))


def _own_analog(info: bytes) -> Analog:
    (pack,) = pace_values.analog(info)
    return pack


def _own_alarms(info: bytes) -> Alarms:
    (pack,) = pace_values.alarms(info)
    return pack


def _one_byte(info: bytes) -> int:
    if len(info) != 1:
        raise BadInformation(f"{len(info)} bytes instead of one")
    return info[0]


def _on_or_off(on: bool) -> str:
    return "on" if on else "off"
