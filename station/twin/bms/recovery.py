"""How an over-current ends: by itself after a while, unless it came too often; then only a charger helps."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from station.twin.bms.timing import Hold

CHARGER_FOR = 1.0
"""s that a charger must be there to open the lock."""


@dataclass(slots=True)
class Recovery:
    """Recovery and lock, for all over-currents and short circuits together (manual 4.2).

    `after` s it comes back; `locks_after` events, each no more than `within` s after the one before, lock the output on
    the last of them (4 would be the other reading of the manual, after three recoveries: I-21); a charger that arrives
    then unlocks it, if the firmware `unlocks` at all.
    """

    after: float = 60.0
    locks_after: int = 3
    within: float = 300.0
    unlocks: bool = True
    locked: bool = False
    _count: int = 0
    _last: float = -math.inf
    _gone: bool = False
    _charger: Hold = field(default_factory=Hold)

    def reset(self) -> None:
        """Forget all events."""
        self.locked, self._count, self._last = False, 0, -math.inf

    def tripped(self, now: float) -> None:
        """Count an event at `now` s."""
        self._count = self._count + 1 if now - self._last <= self.within else 1
        self._last = now
        if self._count >= self.locks_after and not self.locked:
            self.locked, self._gone = True, False

    def watch(self, charger: bool, now: float) -> None:
        """Look for a charger; one that was there all the time has not arrived."""
        self._gone = self._gone or not charger
        if self._charger.lasted(charger and self._gone and self.locked and self.unlocks, now, CHARGER_FOR):
            self.reset()

    def over(self, since: float, now: float) -> bool:
        """Whether an over-current that tripped at `since` may end at `now`."""
        return not self.locked and (self._count == 0 or now - since >= self.after - 1e-9)
