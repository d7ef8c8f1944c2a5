"""The state of charge as the BMS counts it."""

from __future__ import annotations

from dataclasses import dataclass, field

from station.twin.bms.timing import Hold

FULL_FOR = 2.0
"""s at full voltage and small current until a charge counts as complete."""


@dataclass(slots=True)
class Gauge:
    """A coulomb counter in Ah; `soh` and `error` in %, the latter added to what it reports.

    `charged` and `discharged` are Ah since it was made; each `design` Ah discharged is a cycle. Any over-voltage
    protection makes it jump to full, as seen on PACE boards (I-33), unless it does not `jump`.
    """

    design: float
    full: float
    remaining: float
    cycles: int = 0
    soh: float = 100.0
    error: float = 0.0
    jump: bool = True
    charged: float = 0.0
    discharged: float = 0.0
    _towards_cycle: float = 0.0
    _full: Hold = field(default_factory=Hold)

    @property
    def soc(self) -> float:
        """What it reports, in whole %."""
        return float(min(100, max(0, round(100 * self.remaining / self.full + self.error))))

    def count(self, current: float, dt: float) -> None:
        """Let the measured `current` A flow for `dt` s."""
        amount = current * dt / 3600
        self.remaining = min(self.full, max(0.0, self.remaining + amount))
        if amount > 0:
            self.charged += amount
        else:
            self._discharge(-amount)

    def _discharge(self, amount: float) -> None:
        self.discharged += amount
        self._towards_cycle += amount
        if self._towards_cycle >= self.design > 0:
            self._towards_cycle -= self.design
            self.cycles += 1

    def tripped_overvoltage(self) -> None:
        """Take a cell or the pack at its over-voltage protection for the end of a charge."""
        if self.jump:
            self.remaining = self.full

    def look_for_full(self, *, charged: bool, now: float) -> None:
        """Jump to 100 % when a charge was `charged`: at full voltage, with little current left."""
        if self._full.lasted(charged, now, FULL_FOR):
            self.remaining = self.full
