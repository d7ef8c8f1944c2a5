"""The status system of an instrument: registers, status byte, error queue (IEEE 488.2 chapter 11)."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from station.twin.scpi.errors import TEXTS, event_bit

ALL = 0x7FFF
"""All bits that a register has; the sixteenth is never used (IEEE 488.2, 11.4.3)."""
POWER_ON = 128
OPERATION_COMPLETE = 1


@dataclass(slots=True)
class Register:
    """A condition that is live, the events it has left behind, and the mask of those that count.

    `rising` and `falling` are the bits that leave an event when they come and when they go (SCPI-99 volume 1, 9).
    """

    condition: int = 0
    event: int = 0
    enable: int = 0
    rising: int = ALL
    falling: int = 0

    def update(self, condition: int) -> None:
        """Take over the condition, and leave events of what has changed."""
        if condition != self.condition:
            self.event |= condition & ~self.condition & self.rising | self.condition & ~condition & self.falling
            self.condition = condition

    def preset(self) -> None:
        """Nothing counts, and every bit that comes leaves an event (SCPI-99 volume 2, 20.2)."""
        self.enable, self.rising, self.falling = 0, ALL, 0

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
    questionable_more: Register = field(default_factory=Register)
    """A second one of these, where an instrument has more to question than one can hold."""
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
            | 8 * (self.questionable.summary or self.questionable_more.summary)
            | 32 * self.standard.summary
            | 128 * self.operation.summary
        )
        return bits | 64 * bool(bits & self.service)

    def clear(self) -> None:
        """*CLS: drop errors and events; enables and conditions stay."""
        self.errors.clear()
        for register in (self.standard, self.operation, self.questionable, self.questionable_more):
            register.event = 0

    def preset(self) -> None:
        """STATus:PRESet: nothing of OPER and QUES counts (SCPI-99 volume 2, 20.2)."""
        for register in (self.operation, self.questionable, self.questionable_more):
            register.preset()
