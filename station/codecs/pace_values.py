"""What PACE ASCII frames carry: analog values, alarms, texts, capacity and clock, to and from bytes.

Boards differ in what follows the values that all of them send. Nothing here goes by fixed places: every list has its
own count, and what is behind the last known value stays as it came (PACE-RS232-TY16S; captures from the field).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeVar

ALL_PACKS: Final = 0xFF
"""COMMAND of 42H and 44H for every pack of the group."""
NORMAL, BELOW, ABOVE = 0, 1, 2
"""States of a value in an alarm answer; F0 and 80 to EF mean something else is wrong with it."""
TEXT_SIZE: Final = 20
"""Characters of a version or serial number."""

_NOT_FITTED = 0x8000
_ZERO_CELSIUS = 2730
_ANALOG = struct.Struct(">hHHBHHH")
_CAPACITY = struct.Struct(">HHH")
_SOC_KINDS = frozenset({2, 4, 9})
_LONG_TAIL = 14
_LOW, _HIGH = 2.0, 4.5
_ALARM_BYTES = 12

T = TypeVar("T")


class BadInformation(ValueError):
    """A sound frame whose information does not have the form of the answer (or request) that it should be."""


@dataclass(frozen=True, slots=True)
class Analog:
    """One pack in an answer to 42H: V, degC (None: no such sensor), A (positive while charging), Ah.

    `kind` is the byte that some documents call the number of what follows. It is no length: boards send any `tail`
    behind any kind.
    """

    cells: tuple[float, ...]
    temperatures: tuple[float | None, ...]
    current: float
    voltage: float
    remaining: float
    kind: int
    full: float
    cycles: int
    design: float
    tail: bytes = b""

    @property
    def soc(self) -> float:
        """Whole %: as the pack says it, or from the capacities; NaN when neither tells."""
        says_so = self.tail and (self.kind in _SOC_KINDS or len(self.tail) >= _LONG_TAIL)
        return float(self.tail[0]) if says_so else _percent(self.remaining, self.full)

    @property
    def soh(self) -> float:
        """Whole %: as the pack says it (kind 9 only), or from the capacities; NaN when neither tells."""
        says_so = self.kind == 9 and len(self.tail) >= _LONG_TAIL
        return float(self.tail[9]) if says_so else _percent(self.full, self.design)

    def encode(self) -> bytes:
        """The bytes of this pack; raises struct.error or OverflowError for a value that its place cannot hold."""
        cells = _counted(round(1000 * volts) for volts in self.cells)
        temperatures = _counted(map(_kelvin, self.temperatures))
        remaining, full, design = (round(100 * each) for each in (self.remaining, self.full, self.design))
        fixed = round(100 * self.current), round(1000 * self.voltage), remaining, self.kind, full, self.cycles, design
        return cells + temperatures + _ANALOG.pack(*fixed) + self.tail

    @property
    def size(self) -> int:
        """Bytes without the tail."""
        return 2 * (len(self.cells) + len(self.temperatures) + 1) + _ANALOG.size

    @property
    def is_plausible(self) -> bool:
        """Whether these are the values of a pack, and not bytes read from the wrong place."""
        stack = sum(self.cells)
        return all(_LOW <= volts <= _HIGH for volts in self.cells) and abs(self.voltage - stack) <= 0.05 * stack


@dataclass(frozen=True, slots=True)
class Alarms:
    """One pack in an answer to 44H; words and bytes of flags as they came, low cell or bit first."""

    cells: tuple[int, ...]
    temperatures: tuple[int, ...]
    charge_current: int
    voltage: int
    discharge_current: int
    protection: int
    instruction: int
    control: int
    fault: int
    balancing: int
    warning: int
    tail: bytes = b""

    def encode(self) -> bytes:
        """The bytes of this pack."""
        states = (len(self.cells), *self.cells, len(self.temperatures), *self.temperatures)
        totals = self.charge_current, self.voltage, self.discharge_current
        flags = self.instruction, self.control, self.fault
        pairs = (each.to_bytes(2, "little") for each in (self.protection, self.balancing, self.warning))
        protection, balancing, warning = pairs
        return bytes((*states, *totals)) + protection + bytes(flags) + balancing + warning + self.tail

    @property
    def size(self) -> int:
        """Bytes without the tail."""
        return len(self.cells) + len(self.temperatures) + 2 + _ALARM_BYTES

    @property
    def is_plausible(self) -> bool:
        """Whether these are the states of a pack, and not bytes read from the wrong place."""
        return len(self.temperatures) > 0 and all(
            each <= ABOVE or 0x80 <= each <= 0xF0 for each in (*self.cells, *self.temperatures)
        )


@dataclass(frozen=True, slots=True)
class Capacity:
    """What is left, a full charge and the design capacity in Ah, in steps of 10 mAh."""

    remaining: float
    full: float
    design: float

    def encode(self) -> bytes:
        """The information of an answer to A6H, or of a request A7H; raises struct.error beyond 655.35 Ah."""
        return _CAPACITY.pack(*(round(100 * each) for each in (self.remaining, self.full, self.design)))


def analog(info: bytes, *, group: bool = False) -> tuple[Analog, ...]:
    """The packs of an answer to 42H, one unless a `group` (COMMAND FF) was asked for; raises BadInformation."""
    return tuple(_packs(info, group, _analog))


def alarms(info: bytes, *, group: bool = False) -> tuple[Alarms, ...]:
    """The packs of an answer to 44H, one unless a `group` (COMMAND FF) was asked for; raises BadInformation."""
    return tuple(_packs(info, group, _alarms))


def answer(command: int, packs: Sequence[Analog | Alarms], flag: int = 0) -> bytes:
    """The information of an answer to 42H or 44H for one pack (which repeats COMMAND) or all (which counts them)."""
    count = len(packs) if command == ALL_PACKS else command
    return bytes((flag, count)) + b"".join(each.encode() for each in packs)


def text(info: bytes) -> str:
    """A text without its padding of 00, blanks or FF."""
    return info.rstrip(b"\x00 \xff").decode("ascii", "backslashreplace")


def text_information(words: str) -> bytes:
    """A version or serial number, padded with blanks; raises ValueError when it has no place."""
    if not words.isascii() or len(words) > TEXT_SIZE:
        raise ValueError(f"{words!r} is no text of at most {TEXT_SIZE} ASCII characters")
    return words.encode().ljust(TEXT_SIZE)


def texts(info: bytes) -> tuple[str, ...]:
    """The one or two texts of an answer to C1H or C2H; raises BadInformation."""
    if len(info) not in (TEXT_SIZE, 2 * TEXT_SIZE):
        raise BadInformation(f"{len(info)} characters, which is neither one text of {TEXT_SIZE} nor two")
    return tuple(text(info[begin : begin + TEXT_SIZE]) for begin in range(0, len(info), TEXT_SIZE))


def capacity(info: bytes) -> Capacity:
    """What A6H answers and A7H takes; raises BadInformation."""
    if len(info) != _CAPACITY.size:
        raise BadInformation(f"{len(info)} bytes are no three capacities")
    return Capacity(*(raw / 100 for raw in _CAPACITY.unpack(info)))


def clock(info: bytes) -> datetime:
    """What B1H answers and B2H takes, year 2000 to 2255, of no time zone; raises BadInformation."""
    if len(info) != 6:
        raise BadInformation(f"{len(info)} bytes are no date and time")
    try:
        return datetime(2000 + info[0], *info[1:])
    except ValueError as error:
        raise BadInformation(f"no date and time: {error}") from None


def clock_information(moment: datetime) -> bytes:
    """A date and time to the second; raises ValueError outside 2000 to 2255."""
    return bytes((moment.year - 2000, moment.month, moment.day, moment.hour, moment.minute, moment.second))


def _packs(info: bytes, group: bool, read: Callable[[bytes], T]) -> Iterator[T]:
    """One pack, or as many as the count says."""
    if len(info) < 2:
        raise BadInformation(f"{len(info)} bytes hold no pack")
    count, left = info[1] if group else 1, info[2:]
    raise NotImplementedError
    yield read(left)


def _percent(part: float, whole: float) -> float:
    return float(round(100 * part / whole)) if whole else float("nan")
