"""Speaking SCPI so that nothing is believed: errors are asked for, settings read back, replies checked.

Every exchange ends with a question, so that nothing is under way when time moves.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Protocol

from station.instruments.errors import BadReply, CommandFailed, InstrumentError, Overload, SettingRefused
from station.instruments.roles import Identity
from station.wires.errors import ConnectionLost, Garbled, NoAnswer

TIMEOUT = 2.0
"""Seconds that an instrument has for a reply, where its task is not longer."""
RESET, RESET_WITHIN = "*RST\n*CLS", 5.0
"""IEEE 488.2, 10.32 and 10.3, and the seconds that an instrument has for both."""
OVERLOAD = 9.9e37
"""What stands for a value beyond the range (SCPI-99 volume 1, 7.2.1.4)."""
QUEUE_AT_MOST = 40
"""Errors that are read out at most; the longest queue here holds 30."""

_NUMBER = re.compile(r"([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*([A-Za-z%]*)")
_ERROR = re.compile(r'([-+]?\d+)\s*,\s*"?([^"]*)"?')
_ON = {"ON": "ON", "1": "ON", "OFF": "OFF", "0": "OFF"}


class Wire(Protocol):
    """What SCPI needs of a wire."""

    def query(self, text: str, timeout: float) -> str:
        """Send lines, return the reply to the last one."""
        ...

    def reopen(self) -> None:
        """Reset the connection and make a new one."""
        ...


class Scpi:
    """The instrument in one role, behind one wire."""

    def __init__(self, wire: Wire, role: str, errors: str = "SYST:ERR?") -> None:
        """`errors` is the question for the error queue."""
        self.role = role
        self._wire = wire
        self._errors = errors

    def ask(self, query: str, timeout: float = TIMEOUT) -> str:
        """The reply to the last line of `query`; raises BadReply, or CommandFailed where none came."""
        try:
            reply = self._wire.query(query, timeout)
        except (NoAnswer, ConnectionLost) as error:
            raise self._failed(query, error) from error
        except Garbled as error:
            raise BadReply(self.role, query, "", str(error)) from error
        if not reply:
            raise BadReply(self.role, query, reply, "it is empty")
        return reply

    def number(self, query: str, unit: str = "", timeout: float = TIMEOUT) -> float:
        """A finite number; raises BadReply for anything else, an overload included."""
        return self.parsed(query, self.ask(query, timeout), unit)

    def parts(self, query: str, count: int) -> list[str]:
        """The `count` replies to as many questions in one line (IEEE 488.2: joined by semicolons)."""
        reply = self.ask(query)
        parts = [part.strip() for part in reply.split(";")]
        if len(parts) != count:
            raise BadReply(self.role, query, reply, f"expected {count} parts")
        return parts

    def parsed(self, query: str, reply: str, unit: str = "") -> float:
        """The number in a reply, or in a part of it; a unit behind it must be `unit`."""
        match = _NUMBER.fullmatch(reply.strip())
        if match is None:
            raise BadReply(self.role, query, reply, "not a number")
        if match[2] and match[2].upper() != unit.upper():
            raise BadReply(self.role, query, reply, f"in {match[2]}, expected {unit or 'no unit'}")
        if abs(value := float(match[1])) >= OVERLOAD:
            raise Overload(self.role, query, reply)
        return value

    def command(self, text: str) -> None:
        """Send a command, then empty the error queue; raises InstrumentError with the first error in it."""
        self._refuse_errors(text, self.ask(f"{text}\n{self._errors}"))

    def setting(self, command: str, value: float, resolution: float, query: str = "", tail: str = "") -> None:
        """Set a number, read it back and ask the error queue.

        Raises SettingRefused where the two differ by more than `resolution`, InstrumentError for an error all the same.
        """
        self.put(command, value, resolution, query, tail)
        self.refuse_errors(f"{command} {value:.7g}{tail}")

    def put(self, command: str, value: float, resolution: float, query: str = "", tail: str = "") -> None:
        """Set a number and read it back, whatever else is in the error queue: for what is said all the time."""
        text = f"{command} {value:.7g}{tail}"
        query = query or f"{command}?"
        reply = self.ask(f"{text}\n{query}")
        if abs(self.parsed(query, reply) - value) > resolution * (1 + 1e-9):
            raise self._refused(text, reply)

    def choice(self, command: str, word: str, query: str = "") -> None:
        """Set a word, read it back (ON may read 1, OFF 0) and ask the error queue; raises as `setting` does."""
        self.switch(command, word, query)
        self.refuse_errors(f"{command} {word}")

    def switch(self, command: str, word: str, query: str = "") -> None:
        """Set a word and read it back, whatever else is in the error queue: for `OFF`, which nothing may hold up."""
        text = f"{command} {word}"
        reply = self.ask(f"{text}\n{query or f'{command}?'}")
        if _ON.get(reply.upper(), reply.upper()) != word.upper():
            raise self._refused(text, reply)

    def confirm(self, text: str, query: str, expected: str) -> None:
        """Send a command and hold the reply to `query` against what it must be then, whatever is in the error queue."""
        reply = self.ask(f"{text}\n{query}")
        if reply.replace(" ", "") != expected:
            raise self._refused(text, reply)

    def is_on(self, query: str, reply: str) -> bool:
        """Whether a reply says ON; raises BadReply where it says neither ON nor OFF."""
        if (state := _ON.get(reply.strip().upper())) is None:
            raise BadReply(self.role, query, reply, "neither ON nor OFF")
        return state == "ON"

    def identity(self) -> Identity:
        """Who answers; some makers add fields behind the four of the standard."""
        reply = self.ask("*IDN?")
        fields = [field.strip() for field in reply.split(",")]
        if len(fields) < 4:
            raise BadReply(self.role, "*IDN?", reply, "expected maker, model, serial number and firmware")
        return Identity(*fields[:4])

    def reset(self) -> None:
        """Go to the defaults with an empty error queue; raises InstrumentError for an error that stays in it."""
        self._refuse_errors(RESET, self.ask(f"{RESET}\n{self._errors}", RESET_WITHIN))

    def refuse_errors(self, text: str) -> None:
        """Ask the error queue what it says of `text`; raises InstrumentError with the first error in it."""
        self._refuse_errors(text, self.ask(self._errors))

    def _refuse_errors(self, text: str, reply: str) -> None:
        """Empty the error queue, of which `reply` is the first; raises InstrumentError with the first error in it."""
        errors = list(self._queue(reply))
        if errors:
            raise InstrumentError(self.role, text, *errors[0])

    def _refused(self, text: str, reply: str) -> SettingRefused:
        errors = self._queue(self.ask(self._errors))
        return SettingRefused(self.role, text, reply, "; ".join(f"error {code}, {words}" for code, words in errors))

    def _queue(self, reply: str) -> Iterator[tuple[int, str]]:
        """The errors in the queue, of which `reply` is the first; asks on until it is empty."""
        for _ in range(QUEUE_AT_MOST):
            match = _ERROR.fullmatch(reply)
            if match is None:
                raise BadReply(self.role, self._errors, reply, "no error number and text")
            if int(match[1]) == 0:
                return
            yield int(match[1]), match[2]
            reply = self.ask(self._errors)

    def _failed(self, query: str, error: Exception) -> CommandFailed:
        """Over a new connection, one fresh `*IDN?` tells whether it lives, and the queue what it disliked."""
        explanation = str(error)
        try:
            self._wire.reopen()
            self._wire.query("*IDN?", TIMEOUT)
            last = self._wire.query(self._errors, TIMEOUT)
        except (NoAnswer, ConnectionLost, Garbled):
            return CommandFailed(self.role, query, alive=False, explanation=explanation)
        return CommandFailed(self.role, query, alive=True, explanation=f"{explanation}; its error queue says {last}")
