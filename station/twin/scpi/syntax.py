"""From one program message to its units: header path, query mark, arguments as text (IEEE 488.2 chapter 7).

No recursion and no backtracking anywhere: any bytes take time in proportion to their number.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from station.twin.scpi.errors import ScpiError

LONGEST_MNEMONIC = 12
"""Characters a header node may have (IEEE 488.2, 7.6.1.4.1), its numeric suffix not counted: QUEStionable2."""

REMEMBERED = 512
"""Texts whose parts are kept: a run asks the same few questions thousands of times."""

_HEADER = re.compile(r"[*:]?[A-Za-z][A-Za-z0-9_:]*\??")


@dataclass(frozen=True, slots=True)
class Unit:
    """One command or query of a message: its nodes in upper case, where its path starts, its arguments."""

    nodes: tuple[str, ...]
    absolute: bool
    query: bool
    arguments: tuple[str, ...]

    @property
    def common(self) -> bool:
        """Whether this is an IEEE 488.2 common command, which leaves the path alone."""
        return self.nodes[0].startswith("*")


@lru_cache(REMEMBERED)
def split(text: str, separator: str) -> tuple[str, ...]:
    """Cut `text` at each separator that stands outside quotes and parentheses; the pieces are stripped."""
    return tuple(_pieces(text, separator))


def _pieces(text: str, separator: str) -> Iterator[str]:
    start, depth, quote = 0, 0, ""
    for position, character in enumerate(text):
        if quote:
            quote = "" if character == quote else quote
        elif character in "\"'":
            quote = character
        elif character in "()":
            depth = max(0, depth + (1 if character == "(" else -1))
        elif character == separator and not depth:
            yield text[start:position].strip()
            start = position + 1
    yield text[start:].strip()


@lru_cache(REMEMBERED)
def parse(text: str) -> Unit:
    """Read one unit; raises `ScpiError` -101, -102, -111 or -112."""
    match = _HEADER.match(text)
    if match is None:
        raise ScpiError(-102 if text[:1].isascii() and text[:1].isprintable() else -101)
    header, rest = match[0], text[match.end() :]
    if rest and not rest[0].isspace():
        raise ScpiError(-111 if rest[0].isascii() and rest[0].isprintable() else -101)
    nodes = tuple(header.rstrip("?").upper().lstrip(":").split(":"))
    if "" in nodes:
        raise ScpiError(-102)
    if max(len(node.rstrip("0123456789")) for node in nodes) > LONGEST_MNEMONIC:
        raise ScpiError(-112)
    arguments = split(rest, ",") if rest.strip() else ()
    return Unit(nodes, header.startswith(":"), header.endswith("?"), arguments)
