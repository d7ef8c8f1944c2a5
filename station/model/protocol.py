"""A register map as data: which register means what, in which unit, and who may write it (`fixtures/protocols/`)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from station.model.files import Document, Model, build, read
from station.model.quantity import base_unit, parse_quantity

Value = float | str | frozenset[str]
"""A register's content: a number in the station's own unit, a text, or the names of the bits that are set."""

_PADDING = b"\x00 \xff"
_RAW = {"u8": (0, 0xFF), "u16": (0, 0xFFFF), "i16": (-0x8000, 0x7FFF), "bits": (0, 0xFFFF), "text": (0, 0xFFFF)}
_FAMILY = re.compile(r"(.+_)(\d+)\.\.(\d+)")
_RANGE = re.compile(r"(\d+)(?: to (\d+))?")
_SPARE_BIT = re.compile(r"bit_(\d|1[0-5])")


class NotEncodable(ValueError):
    """A value that a register cannot hold; the message names the register and what it takes."""


@dataclass(frozen=True, slots=True)
class Step:
    """What one bit of a register stands for: `size` in `unit`, the unit in which the station calculates."""

    size: float
    unit: str


def _step(written: object) -> object:
    if written is None or isinstance(written, Step):
        return written
    if written == 1:
        return Step(1.0, "")
    quantity = parse_quantity(written)
    return Step(quantity.si, base_unit(quantity.unit))


def _seconds(written: object) -> object:
    return written if isinstance(written, float) else parse_quantity(written, "time").si


def _span(written: object) -> object:
    if isinstance(written, range):
        return written
    match = _RANGE.fullmatch(str(written))
    if match is None or int(match[2] or match[1]) < int(match[1]):
        raise ValueError(f"`{written}` is no range of whole numbers, such as `13 to 14`")
    return range(int(match[1]), int(match[2] or match[1]) + 1)


Span = Annotated[range, BeforeValidator(_span)]
Seconds = Annotated[float, BeforeValidator(_seconds)]


@dataclass(frozen=True, slots=True)
class Register:
    """One named value of the map, in one or (a text) several neighbouring registers of 16 bits."""

    name: str
    address: int
    words: int
    type: Literal["u8", "u16", "i16", "bits", "text"]
    writable: bool
    step: float
    unit: str
    raw: range
    bits: Mapping[int, str] = field(default_factory=dict)

    @property
    def end(self) -> int:
        """The first address behind it."""
        return self.address + self.words

    def encode(self, value: Value) -> tuple[int, ...]:
        """The words for a value in station units, rounded to the nearest step; raises NotEncodable."""
        if self.type == "text":
            return self._text_words(value)
        raw = self._bits_word(value) if self.type == "bits" else self._number(value)
        if raw not in self.raw:
            low, high = self.raw[0] * self.step, self.raw[-1] * self.step
            raise NotEncodable(f"{self.name}: {value} is outside {low:g} to {high:g} {self.unit}")
        return (raw & 0xFFFF,)

    def decode(self, words: Sequence[int]) -> Value:
        """The value in station units; any words decode, reserved bits that are set are called `bit_13`."""
        if len(words) != self.words:
            raise ValueError(f"{self.name} has {self.words} words, not {len(words)}")
        if self.type == "text":
            return _bytes(words).rstrip(_PADDING).decode("ascii", "backslashreplace")
        word = words[0]
        if self.type == "bits":
            return frozenset(self.bits.get(bit, f"bit_{bit}") for bit in range(16) if word >> bit & 1)
        return round((word - 0x10000 if self.type == "i16" and word > 0x7FFF else word) * self.step, 9)

    def _number(self, value: Value) -> int:
        if isinstance(value, (str, frozenset)) or value != value or abs(value) == float("inf"):
            raise NotEncodable(f"{self.name}: {value!r} is not a number")
        return round(value / self.step)

    def _bits_word(self, value: Value) -> int:
        if not isinstance(value, frozenset):
            raise NotEncodable(f"{self.name}: {value!r} is not a set of bit names")
        numbers = {name: bit for bit, name in self.bits.items()}
        numbers.update((name, int(match[1])) for name in value if (match := _SPARE_BIT.fullmatch(name)))
        if unknown := value - numbers.keys():
            raise NotEncodable(f"{self.name}: no bit called {', '.join(sorted(unknown))}")
        return sum(1 << numbers[name] for name in value)

    def _text_words(self, value: Value) -> tuple[int, ...]:
        size = 2 * self.words
        if not isinstance(value, str) or not (value.isascii() and value.isprintable() and len(value) <= size):
            raise NotEncodable(f"{self.name}: {value!r} is not a text of at most {size} ASCII characters")
        raw = value.encode("ascii").ljust(size, b"\x00")
        return tuple(int.from_bytes(raw[i : i + 2], "big") for i in range(0, size, 2))


def _bytes(words: Sequence[int]) -> bytes:
    return b"".join(word.to_bytes(2, "big") for word in words)


class Row(Model):
    """A register, or a family of neighbouring ones (`cell_voltage_1..16`), as it stands in the file."""

    at: int = Field(ge=0, le=0xFFFF)
    type: Literal["u8", "u16", "i16", "bits", "text"]
    access: Literal["r", "rw"]
    step: Annotated[Step | None, BeforeValidator(_step)] = None
    raw: Span | None = None
    words: int = Field(default=1, ge=1, le=125)


class Line(Model):
    """How the serial line is set."""

    baud: int = Field(gt=0)
    data_bits: Literal[7, 8]
    parity: Literal["none", "even", "odd"]
    stop_bits: Literal[1, 2]

    @property
    def character(self) -> float:
        """Seconds that one character takes, its start bit, parity and stop bits included."""
        return (1 + self.data_bits + (self.parity != "none") + self.stop_bits) / self.baud


class Function(Model):
    """A Modbus function that the device knows, and how many registers one frame of it may carry."""

    code: int = Field(ge=1, le=127)
    at_most: int = Field(ge=1, le=125)


class Functions(Model):
    """The function that reads and the one that writes."""

    read: Function
    write: Function


class Timing(Model):
    """Seconds: longest wait for the first byte of an answer, shortest pause between frames."""

    first_byte: Seconds
    gap: Seconds


class Protocol(Model):
    """A register map; `by_name` and `by_address` find a register, every word of a text included."""

    protocol: str
    title: str
    line: Line
    addresses: Span
    functions: Functions
    exceptions: dict[int, str]
    timing: Timing
    reserved: tuple[Span, ...] = ()
    bridged: tuple[Span, ...] = ()
    bits: dict[str, dict[int, str]] = Field(default_factory=dict)
    registers: dict[str, Row]

    @cached_property
    def by_name(self) -> Mapping[str, Register]:
        """Every register by its name, families spelled out, in the order of the file."""
        return {
            each.name: each
            for name, row in self.registers.items()
            for each in _spelled_out(name, row, self.bits.get(name, {}))
        }

    @cached_property
    def by_address(self) -> Mapping[int, Register]:
        """Every register by each of its addresses."""
        return {address: each for each in self.by_name.values() for address in range(each.address, each.end)}

    def is_readable(self, address: int, count: int) -> bool:
        """Whether one frame may read `count` registers from `address`: each is in the map or reserved."""
        known = (
            at in self.by_address or any(at in span for span in self.reserved) for at in range(address, address + count)
        )
        return 1 <= count <= self.functions.read.at_most and all(known)

    def is_writable(self, address: int, count: int) -> bool:
        """Whether one frame may write `count` registers from `address`: each is in the map and not read-only."""
        found = [self.by_address.get(at) for at in range(address, address + count)]
        return 1 <= count <= self.functions.write.at_most and all(each is not None and each.writable for each in found)

    def is_bridged(self, address: int) -> bool:
        """Whether a client may read across this address, since boards answer it inside a block."""
        return address in self.by_address or any(address in span for span in self.bridged)


def _spelled_out(name: str, row: Row, bits: Mapping[int, str]) -> Iterator[Register]:
    step = row.step or Step(1.0, "")
    low, high = _RAW[row.type]
    raw = row.raw if row.raw is not None else range(low, high + 1)
    for offset, each in enumerate(_family(name)):
        at = row.at + offset * row.words
        yield Register(each, at, row.words, row.type, row.access == "rw", step.size, step.unit, raw, bits)


def _family(name: str) -> list[str]:
    match = _FAMILY.fullmatch(name)
    return [name] if match is None else [f"{match[1]}{number}" for number in range(int(match[2]), int(match[3]) + 1)]


def read_protocol(path: Path) -> Protocol:
    """Read a register map; raises InvalidFile with the place of everything that does not fit."""
    document = read(path)
    protocol = build(document, Protocol)
    _check(document, protocol)
    return protocol


def _check(document: Document, protocol: Protocol) -> None:
    """Refuse what no row alone shows: two registers in one place, bits without names, numbers without a step."""
    taken = {at: "reserved" for span in protocol.reserved for at in span}
    for name, row in protocol.registers.items():
        place = ("registers", name)
        if row.type == "bits" and name not in protocol.bits:
            raise document.refuse(place, f"`{name}` has type bits, but `bits` has no row `{name}`")
        if (row.step is None) != (row.type in ("bits", "text")):
            raise document.refuse(place, f"`{name}`: a number needs a `step`; bits and texts have none")
        if row.words != 1 and row.type != "text":
            raise document.refuse(place, f"`{name}`: only a text has more than one word")
        for register in _spelled_out(name, row, {}):
            for at in range(register.address, register.end):
                if at in taken:
                    raise document.refuse(place, f"`{register.name}` lies at {at}, which is {taken[at]} already")
                taken[at] = f"`{register.name}`"
    for name, bits in protocol.bits.items():
        if name not in protocol.registers or not all(0 <= bit <= 15 for bit in bits):
            raise document.refuse(("bits", name), f"`{name}`: expected the name of a register and bits 0 to 15")
