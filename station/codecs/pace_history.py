"""What PACE ASCII frames carry of a BMS's history: one record of what it saw when something happened.

72 bytes for 16 cells, 70 for 15 (HS001-PC-232-BP-UN-DATA-V3.1, table A.56; a record read by PbmsTools from a real board
fits it to the byte). Records count from 0, the newest; an answer without information means that there are no more.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from station.codecs.pace_values import (
    BadInformation,
    celsius,
    clock,
    clock_information,
    counted,
    counted_bytes,
    kelvin,
)

POWER_ON: Final = 1
"""Bit of `happened`: the board started."""
LOCKED: Final = 0x40
"""Bit of `faults_8`: the output is locked."""
_NUMBER: Final = struct.Struct(">H")
_VALUES: Final = struct.Struct(">hHHH")
_FLAGS: Final = struct.Struct("<HBHB")
_REST: Final = struct.Struct(">HBBH")
_TIME: Final = 6


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """V, degC (None: no such sensor), A (positive while charging), Ah; the words of flags are those of the registers.

    Boards that do not know `faults_8`, `faults_10` or `happened` fill them with ones.
    """

    time: datetime
    cells: tuple[float, ...]
    temperatures: tuple[float | None, ...]
    current: float
    voltage: float
    remaining: float
    full: float
    protection: int
    fault: int
    warning: int
    instruction: int
    cycles: int
    faults_8: int = 0xFF
    faults_10: int = 0xFF
    happened: int = 0xFFFF

    def encode(self) -> bytes:
        """The information of an answer to A1H; raises what a value makes that its place cannot hold."""
        cells = counted_bytes(round(1000 * volts) for volts in self.cells)
        temperatures = counted_bytes(map(kelvin, self.temperatures))
        remaining, full = round(100 * self.remaining), round(100 * self.full)
        values = _VALUES.pack(round(100 * self.current), round(1000 * self.voltage), remaining, full)
        flags = _FLAGS.pack(self.protection, self.fault, self.warning, self.instruction)
        rest = _REST.pack(self.cycles, self.faults_8, self.faults_10, self.happened)
        return clock_information(self.time) + cells + temperatures + values + flags + rest


def history(info: bytes) -> HistoryEntry | None:
    """The record of an answer to A1H, None where there are no more; raises BadInformation."""
    if not info:
        return None
    cells, rest = counted(info[_TIME:], 2, "cell voltages")
    temperatures, rest = counted(rest, 2, "temperatures")
    if len(rest) != _VALUES.size + _FLAGS.size + _REST.size:
        raise BadInformation(f"{len(rest)} bytes behind the temperatures of a record instead of 20")
    current, voltage, remaining, full = _VALUES.unpack_from(rest)
    flags = _FLAGS.unpack_from(rest, _VALUES.size)
    return HistoryEntry(
        clock(info[:_TIME]),
        tuple(raw / 1000 for raw in cells),
        tuple(map(celsius, temperatures)),
        current / 100,
        voltage / 1000,
        remaining / 100,
        full / 100,
        *flags,
        *_REST.unpack_from(rest, _VALUES.size + _FLAGS.size),
    )


def history_request(number: int) -> bytes:
    """The information that asks for a record; raises struct.error beyond 65535."""
    return _NUMBER.pack(number)


def history_number(info: bytes) -> int:
    """The record that is asked for; raises BadInformation."""
    if len(info) != _NUMBER.size:
        raise BadInformation(f"{len(info)} bytes are no number of a record")
    (number,) = _NUMBER.unpack(info)
    return int(number)
