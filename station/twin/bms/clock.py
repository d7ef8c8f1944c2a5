"""The board's own clock: it runs on while the pack sleeps, and may be wrong, or blank as on a new board."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

NEVER_SET = datetime(2000, 1, 1)
"""What a blank clock counts from; PACE boards know the years 2000 to 2255."""


@dataclass(slots=True)
class BoardClock:
    """Date and time without a zone; `rate` seconds of its own for each true one."""

    rate: float = 1.0
    _date: datetime = NEVER_SET
    _at: float = 0.0

    def read(self, now: float) -> datetime:
        """What it shows at `now` s of the twin's time."""
        return self._date + timedelta(seconds=self.rate * (now - self._at))

    def set(self, date: datetime, now: float) -> None:
        """Let it show `date` at `now` s."""
        self._date, self._at = date, now

    @property
    def date(self) -> str:
        """When it was last set it was so late, as ISO 8601; setting it counts from the twin's start."""
        return self._date.isoformat(" ")

    @date.setter
    def date(self, text: str) -> None:
        self.set(datetime.fromisoformat(text), 0.0)
