"""What the BMS acts with: two FETs, the charging current limiter, two dry contacts."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Stuck = Literal["closed", "open"]


@dataclass(slots=True)
class Fet:
    """A FET bank (ohm); `closed` is what the firmware wants and reports, `stuck` what is true all the same.

    It stays open while it is not `enabled` (a command, forgotten at a restart).
    """

    closed: bool = False
    enabled: bool = True
    resistance: float = 0.75e-3
    stuck: Stuck | None = None

    @property
    def conducts(self) -> bool:
        """Whether it conducts both ways; otherwise its body diode conducts one."""
        return self.closed if self.stuck is None else self.stuck == "closed"


@dataclass(slots=True)
class Limiter:
    """The charging current limiter: nominally 20 A (manual 4.2), regulating 3 % above, so that 20 A pass untouched.

    It comes in once `start` A charge the pack and stays until the charge ends; at a start below what it regulates to
    it is always in. In `low_gear` it regulates to half. A `current` of 0 switches it off (manual 4.2).
    """

    enabled: bool = True
    current: float = 20.6
    start: float = 20.0
    low_gear: bool = False
    stuck: Literal["on", "off"] | None = None
    _in: bool = False

    @property
    def limit(self) -> float:
        """A that may charge the pack; infinite when it is off."""
        works = self.enabled if self.stuck is None else self.stuck == "on"
        if not works or self.current <= 0 or not (self._in or self.start <= self.current):
            return math.inf
        return self.current / 2 if self.low_gear else self.current

    def watch(self, current: float, *, charging: bool) -> None:
        """Come in or go out by the measured `current` A."""
        self._in = charging and (self._in or current >= self.start)


@dataclass(slots=True)
class Contact:
    """A dry contact: what it is when the BMS is dead, when all is well and in an alarm, and what is wrong with it."""

    dead: Stuck
    stuck: Stuck | None = None
    healthy: Stuck = "open"
    alarm: Stuck = "closed"

    def closed(self, asked: bool | None) -> bool:
        """Whether it is closed; `asked` None: nobody drives it."""
        if self.stuck is not None:
            return self.stuck == "closed"
        return (self.dead if asked is None else self.alarm if asked else self.healthy) == "closed"


@dataclass(slots=True)
class Contacts:
    """Alarm (pins 1-2, also when dead: manual 4.2 and 4.3) and low battery (pins 3-4); `crossed`: wired crosswise."""

    alarm: Contact = field(default_factory=lambda: Contact(dead="closed"))
    low: Contact = field(default_factory=lambda: Contact(dead="open"))
    crossed: bool = False

    def state(self, alarm: bool | None, low: bool | None) -> Mapping[str, bool]:
        """Which of them is closed, when the firmware asks for these."""
        first, second = self.alarm.closed(alarm), self.low.closed(low)
        return {"alarm": second, "low": first} if self.crossed else {"alarm": first, "low": second}
