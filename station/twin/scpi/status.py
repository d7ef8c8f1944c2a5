"""The status system of an instrument: registers, status byte, error queue (IEEE 488.2 chapter 11)."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from station.twin.scpi.errors import TEXTS, event_bit

POWER_ON = 128
OPERATION_COMPLETE = 1


@dataclass(slots=True)
class Register:
    """A condition that is live, the events it has left behind, and the mask of those that count."""

    condition: int = 0
    event: int = 0
    enable: int = 0

    def update(self, condition: int) -> None:
        """Take over the condition; each bit that has newly risen leaves an event."""
        self.event |= condition & ~self.condition
        self.condition = condition

    def take(self) -> int:
        """Read and clear the events."""
        event, self.event = self.event, 0
        return event

    @property
    def summary(self) -> bool:
        """Whether an event is there that counts."""
        return bool(self.event & self.enable)


@dataclass(slots=True)
class Status:
    """What one instrument has to tell about itself; all its clients share it."""

    depth: int = 20
    standard: Register = field(default_factory=lambda: Register(event=POWER_ON))
    operation: Register = field(default_factory=Register)
    questionable: Register = field(default_factory=Register)
    service: int = 0
    errors: deque[int] = field(default_factory=deque)

    def error(self, code: int) -> None:
        """Queue an error; when the queue is full its last entry becomes -350."""
        self.standard.event |= event_bit(code)
        if len(self.errors) < self.depth:
            self.errors.append(code)
        else:
            self.errors[-1] = -350

    def next_error(self) -> tuple[int, str]:
        """The oldest error, which leaves the queue; 0 when there is none."""
        if not self.errors:
            return 0, "No error"
        code = self.errors.popleft()
        return code, TEXTS[code]

    @property
    def byte(self) -> int:
        """The status byte: error queue 4, QUES 8, standard events 32, master summary 64, OPER 128."""
        bits = (
            4 * bool(self.errors)
            | 8 * self.questionable.summary
            | 32 * self.standard.summary
            | 128 * self.operation.summary
        )
        return bits | 64 * bool(bits & self.service)

    def clear(self) -> None:
        """*CLS: drop errors and events; enables and conditions stay."""
        self.errors.clear()
        for register in (self.standard, self.operation, self.questionable):
            register.event = 0

    def preset(self) -> None:
        """STATus:PRESet: nothing of OPER and QUES counts (SCPI-99 20.2)."""
        self.operation.enable = self.questionable.enable = 0
