"""The state of charge as the BMS counts it."""

from __future__ import annotations

from dataclasses import dataclass, field

from station.twin.bms.timing import Hold

FULL_FOR = 2.0
"""s at full voltage and small current until a charge counts as complete."""


@dataclass(slots=True)
class Gauge:
    """A coulomb counter in Ah; `soh` and `error` in %, the latter added to what it reports."""

    design: float
    full: float
    remaining: float
    cycles: int = 0
    soh: float = 100.0
    error: float = 0.0
    _full: Hold = field(default_factory=Hold)

    @property
    def soc(self) -> float:
        """What it reports, in whole %."""
        return float(min(100, max(0, round(100 * self.remaining / self.full + self.error))))

    def count(self, current: float, dt: float) -> None:
        """Let the measured `current` A flow for `dt` s."""
        self.remaining = min(self.full, max(0.0, self.remaining + current * dt / 3600))

    def call_full(self) -> None:
        """Jump to 100 %, as PACE boards do at any over-voltage protection."""
        self.remaining = self.full

    def look_for_full(self, *, charged: bool, now: float) -> None:
        """Jump to 100 % when a charge was `charged`: at full voltage, with little current left."""
        if self._full.lasted(charged, now, FULL_FOR):
            self.call_full()
