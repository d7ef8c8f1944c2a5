"""The commands of PACE ASCII as data: their numbers, their bits, and which parameters travel together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated

from pydantic import Field

from station.codecs.pace_values import ZERO_CELSIUS, BadInformation
from station.model.files import Document, Model, build, nearest
from station.model.protocol import Line, Protocol, Register, Span, Timing

ENABLED = "enabled"
"""A byte in front of some parameters: 1, the function is on."""

Byte = Annotated[int, Field(ge=0, le=0xFF)]
Bits = dict[Annotated[int, Field(ge=0, le=7)], str]


class ParameterSet(Model):
    """Parameters that travel together: the command that reads them, the one that writes, and their order."""

    read: Byte
    write: Byte
    holds: tuple[str, ...] = Field(min_length=1)
    read_negative: frozenset[str] = frozenset()
    """What a BMS gives with the other sign than it takes."""
    at_least: int | None = None
    """How many of `holds` older firmware has; None: all of them."""

    @property
    def names(self) -> tuple[str, ...]:
        """The registers."""
        return tuple(name for name in self.holds if name != ENABLED)

    @property
    def _least(self) -> int:
        return len(self.holds) if self.at_least is None else self.at_least

    def decode(self, info: bytes, registers: Mapping[str, Register], *, answer: bool = True) -> dict[str, int]:
        """The words of the registers in `info`, an answer or a write; raises BadInformation."""
        words: dict[str, int] = {}
        for name, raw in self._parts(info, registers):
            number = int.from_bytes(raw, "big", signed=answer and name in self.read_negative)
            words[name] = abs(number) if name in self.read_negative else number - _offset(registers.get(name)) & 0xFFFF
        if words.pop(ENABLED, 1) != 1:
            raise BadInformation("the function is switched off")
        return words

    def encode(self, words: Mapping[str, int], registers: Mapping[str, Register], *, answer: bool = False) -> bytes:
        """The information that carries the words of its registers, as a write or an answer.

        Raises KeyError for one that is missing, unless it is among the last ones that older firmware leaves out.
        """
        given = tuple(name for name in self.holds if name in (ENABLED, *words))
        if len(given) < self._least or given != self.holds[: len(given)]:
            raise KeyError(", ".join(name for name in self.holds if name not in given))
        info = b""
        for name in given:
            number = {ENABLED: 1, **words}[name] + _offset(registers.get(name))
            number = -number if answer and name in self.read_negative else number
            size = _size(registers.get(name))
            info += (number & (1 << 8 * size) - 1).to_bytes(size, "big")
        return info

    def _parts(self, info: bytes, registers: Mapping[str, Register]) -> Iterator[tuple[str, bytes]]:
        """Each name with its bytes; older firmware may leave out the last ones."""
        for count, name in enumerate(self.holds):
            size = _size(registers.get(name))
            if not info and count >= self._least:
                return
            if len(info) < size:
                raise BadInformation(f"too short: `{name}` is missing")
            yield name, info[:size]
            info = info[size:]
        if info:
            raise BadInformation(f"{len(info)} bytes too many behind `{self.holds[-1]}`")


class Commands(Model):
    """What a BMS takes and gives; names as in `fixtures/protocols/pace-ascii.yaml`."""

    protocol: str
    title: str
    line: Line
    addresses: Span
    timing: Timing
    commands: dict[str, Byte]
    control: dict[str, Byte]
    inverters: dict[str, dict[Byte, str]]
    bits: dict[str, Bits]
    parameters: dict[str, ParameterSet]

    def names_of(self, kind: str, byte: int) -> frozenset[str]:
        """The names of the bits that are set in a byte; one without a name is called `bit_6`."""
        return frozenset(self.bits[kind].get(bit, f"bit_{bit}") for bit in range(8) if byte >> bit & 1)

    def byte_of(self, kind: str, names: Iterable[str]) -> int:
        """The byte in which exactly these bits are set; other names are left out."""
        wanted = frozenset(names)
        return sum(1 << bit for bit, name in self.bits[kind].items() if name in wanted)


def commands(document: Document, registers: Protocol) -> Commands:
    """The commands of a file; raises InvalidFile for what does not fit its form, or has no register."""
    found = build(document, Commands)
    taken: dict[int, str] = {}
    for name, code in found.commands.items():
        _take(document, taken, code, name, ("commands", name))
    for name, each in found.parameters.items():
        for code in (each.read, each.write):
            _take(document, taken, code, name, ("parameters", name))
        for unknown in set(each.names) - registers.by_name.keys():
            hint = nearest(unknown, registers.by_name)
            raise document.refuse(("parameters", name), f"`{name}`: there is no register `{unknown}`{hint}")
    return found


def _take(document: Document, taken: dict[int, str], code: int, name: str, at: tuple[str, ...]) -> None:
    if code in taken:
        raise document.refuse(at, f"`{name}` is command {code:02X}, which is `{taken[code]}` already")
    taken[code] = name


def _size(register: Register | None) -> int:
    return 1 if register is None or register.type == "u8" else 2


def _offset(register: Register | None) -> int:
    return ZERO_CELSIUS if register is not None and register.type == "i16" else 0
