"""What the board writes down of its life: a ring of records that a loss of power does not empty."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from station.twin.bms.measuring import Readings

DEPTH = 1000
"""Records that are kept at least (manual 4.2); on some boards about 400 were found (requirement 4.2-66)."""


@dataclass(frozen=True, slots=True)
class HistoryRecord:
    """One event, with all that was known at that moment.

    `event` is a subject and what became of it: `cell_overvoltage.alarm`, `.alarm_end`, `.trip`, `.release`;
    `cell_fault.begin`, `.end` and the other faults of the status register; `overcurrent.locked`, `.unlocked`;
    `board.start`, `.reset`, `.shutdown`, `.standby`, `.supply_lost`.
    """

    at: datetime
    """By the board's own clock."""
    event: str
    readings: Readings | None
    """None: it had not measured since its last start."""
    soc: float
    """%."""
    remaining: float
    """Ah."""
    full: float
    """Ah."""
    cycles: int
    warning: frozenset[str]
    protection: frozenset[str]
    status: frozenset[str]
    """The names of the bits that were set in the registers of these names."""


class History:
    """The records of one board, the newest first; `depth` of them, then the oldest give way."""

    def __init__(self, depth: int = DEPTH) -> None:
        """Begin empty."""
        self._records: deque[HistoryRecord] = deque(maxlen=depth)

    @property
    def depth(self) -> int:
        """How many records it holds."""
        return self._records.maxlen or 0

    @depth.setter
    def depth(self, depth: int) -> None:
        self._records = deque(list(self._records)[:depth], maxlen=depth)

    def __len__(self) -> int:
        """How many records there are."""
        return len(self._records)

    def __getitem__(self, number: int) -> HistoryRecord:
        """Record `number`, 0 the newest; raises IndexError."""
        return self._records[number]

    def __iter__(self) -> Iterator[HistoryRecord]:
        """The newest first."""
        return iter(self._records)

    def add(self, record: HistoryRecord) -> None:
        """Write one down."""
        self._records.appendleft(record)

    def clear(self) -> None:
        """Forget all."""
        self._records.clear()
