"""Whether every question on the pack's line gets its own answer.

A Modbus answer does not say which question it belongs to. A converter that buffers can hand over the answer to the
question before, and one of the same length looks right; so after a step that failed, or in which anything foreign was
heard, the station asks for different lengths in turn and looks at what comes back.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

from station.actions.errors import BenchFault
from station.actions.stage import Stage
from station.bench import Port
from station.bms.errors import DamagedAnswer, PackSilent, WrongAnswer
from station.bms.pace_modbus import PaceModbus

QUESTIONS = 4
"""Questions that all get another one's answer where a line is crossed; noise does not hit every single one."""
LATE = 2.0
"""Seconds in which an answer that only is late has come, and is thrown away before the next question."""


class Pairing:
    """What is known of the line of one run; a good line that nothing disturbs is never asked."""

    def __init__(self, stage: Stage, first: int) -> None:
        """`first` is a register that can be read, and the one after it, too."""
        self._stage, self._first = stage, first
        self._heard = 0

    def in_doubt(self) -> bool:
        """Whether something foreign was heard since the last look."""
        port = self._port
        before, self._heard = self._heard, port.bms.statistics.foreign if port else 0
        return self._heard > before

    def prove(self) -> None:
        """Raise BenchFault where questions get the answers to other ones; silence is no such thing."""
        port = self._port
        if port and self._is_crossed(port.bms):
            raise BenchFault(
                f"each question on {self._stage.port_name} gets the answer to the one before it, so nothing that was "
                "read counts: replace the converter"
            )

    @property
    def _port(self) -> Port | None:
        """The line of the run; None while nothing was asked on it, or on a bench that has none."""
        return self._stage.bench.opened(self._stage.port_name)

    def _is_crossed(self, bms: PaceModbus) -> bool:
        """One question that gets its own answer at once shows that the line is not; the first may do so by chance."""
        for number in range(QUESTIONS):
            before = replace(bms.statistics)
            with suppress(DamagedAnswer, WrongAnswer, PackSilent):
                bms.read_words(self._first, 1 + number % 2)
            asked_again = bms.statistics.repeated > before.repeated
            if bms.statistics.silent > before.silent or (number and not asked_again):
                return False
            if asked_again:
                self._stage.pause(LATE)
        return True
