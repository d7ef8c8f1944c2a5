"""The ASCII side of the BMS: characters in, characters out, at the times at which they cross the line (PACE VER 25H).

RS232 is one to one: a request is answered whatever its address, with the address of the pack. A damaged one is
answered too, with the return code that says what was wrong with it, and so is one that comes before the answer to the
one before it has gone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from station.codecs.pace_ascii import EOI, LONGEST_INFO, OVERHEAD, SOI, BadFrame, Frame, parse
from station.codecs.pace_commands import Commands
from station.twin.ascii_board import AsciiBoard

_LONGEST = OVERHEAD + 2 * LONGEST_INFO


class PaceAsciiServer:
    """The RS232 port of the pack. `turnaround` s pass between a request and its answer.

    `address_error` is added to the address in each answer.
    """

    def __init__(self, board: AsciiBoard, commands: Commands) -> None:
        """A port of the `board`."""
        self.board = board
        self.turnaround = 0.050
        self.address_error = 0
        self._character = commands.line.character
        self._heard = b""
        self._requests: list[bytes] = []

    def seconds(self, count: int) -> float:
        """How long `count` characters take on the line."""
        return count * self._character

    def received(self, data: bytes, at: float) -> None:
        """Hear characters, whenever they end; what stands before the `~` of a frame, or is too long, is forgotten."""
        del at
        *ended, self._heard = (self._heard + data).split(EOI)
        frames = (each[max(0, each.rfind(SOI)) :] + EOI for each in ended)
        self._requests += (each for each in frames if each.startswith(SOI) and len(each) <= _LONGEST)
        self._heard = self._heard[max(0, self._heard.rfind(SOI)) :][:_LONGEST]

    def reply(self, at: float) -> bytes | None:
        """The answers to the frames that have ended by `at` s; None: there are none, or nobody answers."""
        requests, self._requests = self._requests, []
        return b"".join(self._answers(requests, at)) or None

    def _answers(self, requests: Iterable[bytes], at: float) -> Iterator[bytes]:
        for request in requests:
            if self.board.bms.answers:
                answer = self._answer(request, at)
                yield replace(answer, address=(answer.address + self.address_error) & 0xFF).wire()

    def _answer(self, request: bytes, at: float) -> Frame:
        try:
            return self.board.said_to(parse(request), at)
        except BadFrame as refusal:
            return Frame(self.board.bms.address, refusal.rtn)
