"""The buzzer: what it has to say, and when it sounds (manual 7-2; optional, silent as delivered)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from station.twin.bms.lamps import OVERVOLTAGES

Noise = Literal["fault", "protection", "alarm"]

SOUND = 0.25
EVERY: dict[Noise, float] = {"fault": 1.0, "protection": 2.0, "alarm": 3.0}
"""s that it sounds, and s from one beginning to the next (manual 7-2)."""


@dataclass(slots=True)
class Buzzer:
    """`enabled` by the monitoring software; `stuck`: it does as it likes."""

    enabled: bool = False
    stuck: Literal["sounding", "silent"] | None = None

    def sounds(self, noise: Noise | None, now: float) -> bool:
        """Whether it is heard at `now` s."""
        if self.stuck is not None:
            return self.stuck == "sounding"
        return self.enabled and noise is not None and (now + 1e-9) % EVERY[noise] < SOUND


def noise(failed: bool, protections: Collection[str], alarms: Collection[str]) -> Noise | None:
    """What there is to say; over-voltages say nothing, since every full charge brings them (manual 7-2)."""
    if failed:
        return "fault"
    if not OVERVOLTAGES.issuperset(protections):
        return "protection"
    return None if OVERVOLTAGES.issuperset(alarms) else "alarm"
