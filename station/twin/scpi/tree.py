"""The command tree: headers declared as data, found by what was sent.

A header pattern reads like a manual: `[SOURce:]VOLTage[:LEVel]`, `CURRent:STATic:L<1-2>`, `MEASure:VOLTage?`. Capitals
are the short form, brackets an optional node, `<1-2>` the numeric suffixes that a node takes (without it: none, or 1).
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Generic, Protocol, TypeVar

from station.twin.scpi.errors import ScpiError, require
from station.twin.scpi.syntax import REMEMBERED, Unit
from station.twin.scpi.values import Optional, Parameter, Quantity, Word, short

Answer = str | None | Generator[float, None, str | None]
"""What a handler returns: a reply, nothing, or steps that first yield how many seconds they need."""

_NODE = re.compile(r"(\[?):?(\*?[A-Za-z][A-Za-z0-9]*)(?:<(\d+)-(\d+)>)?:?\]?")

T = TypeVar("T")


class Setting(Protocol[T]):
    """A parameter with a value of its own."""

    value: T

    def parse(self, text: str) -> T:
        """Read a value."""
        ...

    def text(self, value: T) -> str:
        """Say a value."""
        ...


class Command:
    """One line of an instrument's command table: header, what to do, parameters in order.

    The handler gets the numeric suffixes that the header declares, then the parameters.
    """

    def __init__(self, header: str, handler: Callable[..., Answer], *parameters: Parameter) -> None:
        """A header that ends in a question mark is a query."""
        self.header = header
        self.handler = handler
        self.parameters = parameters

    def bind(self, arguments: Sequence[str]) -> list[object]:
        """Read the arguments; what is left over goes to the optional parameters from the left. Raises -108 or -109."""
        require("" not in arguments, -109)
        spare = len(arguments) - sum(not isinstance(parameter, Optional) for parameter in self.parameters)
        require(spare >= 0, -109)
        texts, values = deque(arguments), list[object]()
        for parameter in self.parameters:
            if not isinstance(parameter, Optional):
                values.append(parameter.parse(texts.popleft()))
            elif spare and parameter.fits(texts[0]):
                values.append(parameter.parse(texts.popleft()))
                spare -= 1
            else:
                values.append(None)
        require(not texts, -108)
        return values


def knob(
    header: str,
    setting: Setting[T],
    then: Callable[[], None] = lambda: None,
    check: Callable[[T], None] = lambda _value: None,
) -> tuple[Command, Command]:
    """The two commands of a setting: set, and ask, for a quantity also with MIN, MAX or DEF.

    `check` may refuse a value by raising `ScpiError`; `then` acts on the new one.
    """

    def assign(value: T) -> None:
        check(value)
        setting.value = value
        then()

    def ask(value: T | None = None) -> str:
        return setting.text(setting.value if value is None else value)

    limits = (Optional(Word(setting)),) if isinstance(setting, Quantity) else ()
    return Command(header, assign, setting), Command(header + "?", ask, *limits)


@dataclass(slots=True)
class _Node(Generic[T]):
    suffixes: range | None = None
    children: dict[str, _Node[T]] = field(default_factory=dict)
    commands: dict[bool, T] = field(default_factory=dict)

    def child(self, name: str, suffixes: range | None) -> _Node[T]:
        known = self.children.get(short(name), _Node[T](suffixes))
        self.children[short(name)] = self.children[name.upper()] = known
        return known


class Tree:
    """All commands of one instrument."""

    def __init__(self, commands: Sequence[Command]) -> None:
        """Take in a command table; a later line replaces an earlier one with the same header."""
        self._root = _Node[Command]()
        self.headers = tuple(command.header for command in commands)
        """Every header, as it was declared."""
        for command in commands:
            self._add(command)
        self.find = lru_cache(REMEMBERED)(self._find)
        """The command that a unit names below a path, and its numeric suffixes; raises -113 or -114."""

    def _add(self, command: Command) -> None:
        ends = [self._root]
        for optional, name, low, high in _NODE.findall(command.header):
            suffixes = range(int(low), int(high) + 1) if low else None
            children = [node.child(name, suffixes) for node in ends]
            ends = [*ends, *children] if optional else children
        for node in ends:
            node.commands[command.header.endswith("?")] = command

    def _find(self, path: tuple[str, ...], unit: Unit) -> tuple[Command, tuple[int, ...]]:
        node, suffixes = self._root, list[int]()
        for name in (*path, *unit.nodes):
            node, suffix = self._step(node, name)
            suffixes += suffix
        if unit.query not in node.commands:
            raise ScpiError(-113)
        return node.commands[unit.query], tuple(suffixes)

    def _step(self, node: _Node[Command], name: str) -> tuple[_Node[Command], list[int]]:
        """Go down one node; a name with its digits comes before a name and a suffix."""
        mnemonic, digits = (name, "") if name in node.children else _apart(name)
        child = node.children.get(mnemonic)
        if child is None:
            raise ScpiError(-113)
        suffix = int(digits[:9] or 1)
        require(len(digits) < 9 and suffix in (child.suffixes or (1,)), -114)
        return child, [] if child.suffixes is None else [suffix]


def _apart(name: str) -> tuple[str, str]:
    mnemonic = name.rstrip("0123456789")
    return mnemonic, name[len(mnemonic) :]
