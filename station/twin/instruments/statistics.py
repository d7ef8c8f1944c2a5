"""CALCulate:AVERage: mean, extremes and spread of the readings since they were last cleared."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from station.twin.scpi import Command, Switch, knob, nr3


@dataclass(slots=True)
class Statistics:
    """Counts the readings while it is switched on (Truevolt operating and service guide, CALCulate:AVERage)."""

    on: Switch = field(default_factory=Switch)
    count: int = 0
    mean: float = 0.0
    squares: float = 0.0
    """Sum of the squared distances from the mean."""
    lowest: float = math.inf
    highest: float = -math.inf

    def take(self, reading: float) -> None:
        """Count one reading in (Welford's recurrence)."""
        if not self.on.value:
            return
        self.count += 1
        distance = reading - self.mean
        self.mean += distance / self.count
        self.squares += distance * (reading - self.mean)
        self.lowest, self.highest = min(self.lowest, reading), max(self.highest, reading)

    def clear(self) -> None:
        """Forget what was counted."""
        self.count, self.mean, self.squares, self.lowest, self.highest = 0, 0.0, 0.0, math.inf, -math.inf

    def reset(self) -> None:
        """Switch off and forget."""
        self.on.reset()
        self.clear()

    @property
    def deviation(self) -> float:
        """Standard deviation of the sample; 0 for fewer than two readings."""
        return math.sqrt(self.squares / (self.count - 1)) if self.count > 1 else 0.0

    def commands(self) -> Iterable[Command]:
        """CALCulate:AVERage and what it tells; 0 where nothing has been counted."""
        root = "CALCulate:AVERage"
        yield from knob(f"{root}[:STATe]", self.on, self.clear)
        yield Command(f"{root}:CLEar[:IMMediate]", self.clear)
        yield Command(f"{root}:ALL?", lambda: ",".join(nr3(tell()) for tell in list(self.told().values())[:4]))
        for node, tell in self.told().items():
            yield Command(f"{root}:{node}?", lambda tell=tell: nr3(tell()))

    def told(self) -> dict[str, Callable[[], float]]:
        """What can be asked for, by the node that asks."""
        return {
            "AVERage": lambda: self.mean,
            "SDEViation": lambda: self.deviation,
            "MINimum": lambda: self.lowest if self.count else 0.0,
            "MAXimum": lambda: self.highest if self.count else 0.0,
            "PTPeak": lambda: self.highest - self.lowest if self.count else 0.0,
            "COUNt": lambda: float(self.count),
        }
