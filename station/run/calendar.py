"""Whether somebody sets the computer's date while a run goes on; durations do not rest on it, what people read does."""

from __future__ import annotations

from station.clock import Scopes, WallClock

JUMP = 1.0
"""Seconds by which the date must run ahead or behind to count as set; time servers correct less by going faster."""


class Calendar:
    """Compares the date with the monotonic clock of the machine, in wall time whatever the clock of the run."""

    def __init__(self, scopes: Scopes) -> None:
        """Begin with the date as it is."""
        self._scopes = scopes
        self._clock = WallClock()
        self._ahead = self._now_ahead()

    def jumped(self) -> float:
        """Seconds by which the date was set since this was last asked, forward above 0; 0 if it was not."""
        # read twice: a process that is held up between date and clock shows a jump that the next look does not
        jump = min((self._now_ahead() - self._ahead for _ in range(2)), key=abs)
        if abs(jump) < JUMP:
            return 0.0
        self._ahead += jump
        return round(jump, 1)

    def _now_ahead(self) -> float:
        return self._scopes.utc().timestamp() - self._clock.now()
