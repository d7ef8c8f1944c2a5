"""A wire that expects an exact dialogue: what must be asked, and what is replied."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

Turn = tuple[str, str | Exception]
NO_ERROR = '0,"No error"'
CLEAN: Turn = ("SYST:ERR?", NO_ERROR)


class Dialogue:
    """Replies to the expected questions in order; an exception stands for what the wire raises."""

    def __init__(self, turns: tuple[Turn, ...]) -> None:
        self.turns = list(turns)
        self.reopened = 0
        self.timeouts: list[float] = []

    def query(self, text: str, timeout: float) -> str:
        assert self.turns, f"nothing more was expected, got {text!r}"
        expected, reply = self.turns.pop(0)
        assert text == expected
        self.timeouts.append(timeout)
        if isinstance(reply, Exception):
            raise reply
        return reply

    def reopen(self) -> None:
        self.reopened += 1


@contextmanager
def expecting(*turns: Turn) -> Iterator[Dialogue]:
    """A wire for exactly these turns; all of them must have happened in the end."""
    wire = Dialogue(turns)
    yield wire
    assert wire.turns == [], f"never asked: {wire.turns}"


def setting(command: str, value: str, reply: str) -> tuple[Turn, Turn]:
    """A setting with its read-back, and the error queue."""
    return (f"{command} {value}\n{command}?", reply), CLEAN
