"""What PACE ASCII frames carry: analog values, alarms, texts, capacity and clock, to and from bytes.

Boards differ in what follows the values that all of them send. Nothing here goes by fixed places: every list has its
own count, and what is behind the last known value stays as it came (PACE-RS232-TY16S; captures from the field).
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, TypeVar

ALL_PACKS: Final = 0xFF
"""COMMAND of 42H and 44H for every pack of the group."""
NORMAL, BELOW, ABOVE = 0, 1, 2
"""States of a value in an alarm answer; F0 and 80 to EF mean something else is wrong with it."""
ZERO_CELSIUS: Final = 2730
"""How 0 degC travels: tenths of a kelvin, the kelvin being 273 degrees away."""
TEXT_SIZE: Final = 20
"""Characters of a version or serial number."""

_NOT_FITTED = 0x8000
_ANALOG = struct.Struct(">hHHBHHH")
_CAPACITY = struct.Struct(">HHH")
_SOC_KINDS = frozenset({2, 4, 9})
_LONG_TAIL = 14
_LOW, _HIGH = 2.0, 4.5
_ALARM_BYTES = 12


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
        cells = counted_bytes(round(1000 * volts) for volts in self.cells)
        temperatures = counted_bytes(map(kelvin, self.temperatures))
        remaining, full, design = (round(100 * each) for each in (self.remaining, self.full, self.design))
        fixed = round(100 * self.current), round(1000 * self.voltage), remaining, self.kind, full, self.cycles, design
        return cells + temperatures + _ANALOG.pack(*fixed) + self.tail

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


PackT = TypeVar("PackT", Analog, Alarms)


def analog(info: bytes, *, group: bool = False) -> tuple[Analog, ...]:
    """The packs of an answer to 42H, one unless a `group` (COMMAND FF) was asked for; raises BadInformation."""
    return _packs(info, group, _analog)


def alarms(info: bytes, *, group: bool = False) -> tuple[Alarms, ...]:
    """The packs of an answer to 44H, one unless a `group` (COMMAND FF) was asked for; raises BadInformation."""
    return _packs(info, group, _alarms)


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


def _packs(info: bytes, group: bool, read: Callable[[bytes], PackT]) -> tuple[PackT, ...]:
    """One pack with all that follows, or as many as the count says (some firmware repeats FF instead of counting)."""
    if len(info) < 2:
        raise BadInformation(f"{len(info)} bytes hold no pack")
    wanted, data = (info[1] if group else 1), info[2:]
    found = tuple(_told_apart(data, wanted, read))
    if not group or wanted in (len(found), ALL_PACKS):
        return found
    shares = _in_shares(data, wanted, read)
    if shares is None:
        raise BadInformation(f"{len(found)} packs can be told apart where the count says {wanted}")
    return shares


def _told_apart(data: bytes, wanted: int, read: Callable[[bytes], PackT]) -> Iterator[PackT]:
    """The packs, each beginning where its values are those of a pack: their tails may differ in length."""
    found = 0
    while data or not found:
        pack, data = _first(data, read, last=found + 1 == wanted)
        yield pack
        found += 1


def _in_shares(data: bytes, wanted: int, read: Callable[[bytes], PackT]) -> tuple[PackT, ...] | None:
    """The packs where each has the same share of the bytes and the same lists, whatever their values; None: not so."""
    size, left = divmod(len(data), max(wanted, 1))
    if left or not size:
        return None
    try:
        packs = tuple(read(data[begin : begin + size]) for begin in range(0, len(data), size))
    except BadInformation:
        return None
    alike = {(len(pack.cells), len(pack.temperatures)) for pack in packs}
    return packs if len(packs) == wanted and len(alike) == 1 else None


def _first(data: bytes, read: Callable[[bytes], PackT], *, last: bool) -> tuple[PackT, bytes]:
    """The first pack, with its own tail, and the bytes of those behind it."""
    pack = read(data)
    for end in range(0 if last else len(pack.tail)):
        if pack.tail[end] == data[0] and _begins_pack(pack, pack.tail[end:], read):
            return replace(pack, tail=pack.tail[:end]), pack.tail[end:]
    return pack, b""


def _begins_pack(before: PackT, data: bytes, read: Callable[[bytes], PackT]) -> bool:
    try:
        pack = read(data)
    except BadInformation:
        return False
    return len(pack.temperatures) == len(before.temperatures) and pack.is_plausible


def _analog(data: bytes) -> Analog:
    cells, rest = counted(data, 2, "cell voltages")
    temperatures, rest = counted(rest, 2, "temperatures")
    if len(rest) < _ANALOG.size:
        raise BadInformation("ends within the analog values of a pack")
    current, voltage, remaining, kind, full, cycles, design = _ANALOG.unpack_from(rest)
    return Analog(
        cells=tuple(raw / 1000 for raw in cells),
        temperatures=tuple(map(celsius, temperatures)),
        current=current / 100,
        voltage=voltage / 1000,
        remaining=remaining / 100,
        kind=kind,
        full=full / 100,
        cycles=cycles,
        design=design / 100,
        tail=rest[_ANALOG.size :],
    )


def _alarms(data: bytes) -> Alarms:
    cells, rest = counted(data, 1, "states of the cells")
    temperatures, rest = counted(rest, 1, "states of the temperatures")
    if len(rest) < _ALARM_BYTES:
        raise BadInformation("ends within the flags of a pack")
    charge_current, voltage, discharge_current, low, high, instruction, control, fault, *pairs = rest[:_ALARM_BYTES]
    balancing, warning = (low | high << 8 for low, high in (pairs[:2], pairs[2:]))
    return Alarms(
        cells, temperatures, charge_current, voltage, discharge_current,
        low | high << 8, instruction, control, fault, balancing, warning, rest[_ALARM_BYTES:],
    )  # fmt: skip


def counted(data: bytes, size: int, what: str) -> tuple[tuple[int, ...], bytes]:
    """A count, so many numbers of `size` bytes, and what follows; raises BadInformation with `what` is cut off."""
    end = 1 + size * data[0] if data else 1
    if len(data) < end:
        raise BadInformation(f"ends within the {what}")
    return tuple(int.from_bytes(data[at : at + size], "big") for at in range(1, end, size)), data[end:]


def counted_bytes(numbers: Iterable[int]) -> bytes:
    """The same the other way round: a count and numbers of two bytes; raises OverflowError."""
    raw = [number.to_bytes(2, "big") for number in numbers]
    return bytes((len(raw),)) + b"".join(raw)


def celsius(raw: int) -> float | None:
    """A temperature in degC from its two bytes; None: no such sensor."""
    return None if raw == _NOT_FITTED else (raw - ZERO_CELSIUS) / 10


def kelvin(degrees: float | None) -> int:
    """The two bytes of a temperature in degC."""
    return _NOT_FITTED if degrees is None else round(10 * degrees) + ZERO_CELSIUS


def _percent(part: float, whole: float) -> float:
    return float(round(100 * part / whole)) if whole else math.nan
