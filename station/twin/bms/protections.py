"""Alarms and protections: a row of data for each, and one comparator with delays that serves them all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from station.twin.bms.recovery import Recovery
from station.twin.bms.timing import Hold

Blocked = Literal["charge", "discharge", "both"]
Change = Literal["alarm", "alarm_end", "trip", "release"]

ALARM_DELAY = 0.5
"""s for an alarm to come or go; the documents give none."""
RELEASE_DELAY = 0.5
"""s for which the condition of a release must hold."""
DEFAULT_DELAY = 1.0
"""s before a protection without a delay register trips; the maker's default for the others."""
FIXED = {"charger_overvoltage.trip": 60.0, "charger_overvoltage.release": 57.0}
"""V at the terminals; no register, an engineering value."""


@dataclass(slots=True)
class Recharge:
    """When an over-voltage ends below its trip already: at `soc` % left, or `daily` s after it began (manual 4.2)."""

    soc: float = 95.0
    daily: float = 86400.0


@dataclass(frozen=True, slots=True)
class Rule:
    """One row: what is held against its thresholds, on which side of them, and which way of the current it stops."""

    name: str
    of: str
    above: bool
    blocks: Blocked
    ends: Literal["release", "charging", "recharge", "recovery"] = "release"


RULES = (
    Rule("cell_overvoltage", "highest_cell", True, "charge", ends="recharge"),
    Rule("cell_undervoltage", "lowest_cell", False, "discharge", ends="charging"),
    Rule("pack_overvoltage", "pack_voltage", True, "charge", ends="recharge"),
    Rule("pack_undervoltage", "pack_voltage", False, "discharge", ends="charging"),
    Rule("charge_overcurrent", "charge_current", True, "charge", ends="recovery"),
    Rule("discharge_overcurrent", "discharge_current", True, "discharge", ends="recovery"),
    Rule("charge_overcurrent_2", "charge_current", True, "charge", ends="recovery"),
    Rule("discharge_overcurrent_2", "discharge_current", True, "discharge", ends="recovery"),
    Rule("short_circuit", "discharge_current", True, "discharge", ends="recovery"),
    Rule("charger_overvoltage", "terminal_voltage", True, "charge"),
    Rule("charge_overtemperature", "warmest_cell", True, "charge"),
    Rule("discharge_overtemperature", "warmest_cell", True, "discharge"),
    Rule("charge_undertemperature", "coldest_cell", False, "charge"),
    Rule("discharge_undertemperature", "coldest_cell", False, "discharge"),
    Rule("mosfet_overtemperature", "mosfet", True, "both"),
    Rule("ambient_overtemperature", "ambient", True, "both"),
    Rule("ambient_undertemperature", "ambient", False, "both"),
    Rule("soc_low", "soc", False, "both"),
)
"""Manual 4.2, PACE Modbus V1.3. A row acts on what thresholds it has: `soc_low` only alarms, the second stages only
trip."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The settings of one row: None is what it does not have; `delay` in s."""

    alarm: float | None
    trip: float | None
    release: float
    delay: float

    @staticmethod
    def of(name: str, settings: Mapping[str, float]) -> Thresholds:
        """What is stored for the row of that name."""
        alarm, trip, release, delay = (f"{name}.{value}" for value in ("alarm", "trip", "release", "delay"))
        return Thresholds(
            settings.get(alarm), settings.get(trip), settings.get(release, 0.0), settings.get(delay, DEFAULT_DELAY)
        )


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What every protection is judged by at one sample, besides its own quantity."""

    now: float
    charging: bool
    soc: float
    recharge: Recharge
    overcurrent_shift: float = 0.0


@dataclass(slots=True)
class Protection:
    """One row at work.

    What can be wrong with it: not `enabled`, `trip_shift` (acts so much higher than stored, V, A or K), `delay_factor`,
    `flag_hidden` (acts, but does not say so), not `needs_charge` (an under-voltage ends by itself).
    """

    rule: Rule
    enabled: bool = True
    trip_shift: float = 0.0
    delay_factor: float = 1.0
    flag_hidden: bool = False
    needs_charge: bool = True
    alarm: bool = False
    tripped: bool = False
    _tripped_at: float = 0.0
    _alarm: Hold = field(default_factory=Hold)
    _trip: Hold = field(default_factory=Hold)
    _release: Hold = field(default_factory=Hold)

    @property
    def pending(self) -> bool:
        """Whether it is about to trip: beyond its threshold, with its delay running."""
        return self._trip.since is not None

    def reset(self) -> None:
        """Start anew: nothing stands."""
        self.alarm = self.tripped = False
        self._alarm, self._trip, self._release = Hold(), Hold(), Hold()

    def strike(self, now: float, recovery: Recovery) -> None:
        """Trip at once."""
        self.tripped, self._tripped_at = True, now
        if self.rule.ends == "recovery":
            recovery.tripped(now)

    def judge_alarm(self, value: float, at: Thresholds, now: float) -> Change | None:
        """Bring the alarm up to date at one sample; what changed just now."""
        if at.alarm is None:
            return None
        if not self._alarm.lasted(self._beyond(value, at.alarm) != self.alarm, now, ALARM_DELAY):
            return None
        self.alarm, self._alarm = not self.alarm, Hold()
        return "alarm" if self.alarm else "alarm_end"

    def judge_trip(self, value: float, at: Thresholds, here: Circumstances, recovery: Recovery) -> Change | None:
        """Bring the trip up to date at one sample; what changed just now."""
        if self.tripped:
            may_end = self._may_end(value, at, here, recovery)
            if not self._release.lasted(may_end, here.now, 0.0 if self.rule.ends == "recovery" else RELEASE_DELAY):
                return None
            self.tripped = False
            return "release"
        if not self._trip.lasted(self._beyond_trip(value, at, here), here.now, self.delay_factor * at.delay):
            return None
        self._trip = Hold()
        self.strike(here.now, recovery)
        return "trip"

    def _beyond_trip(self, value: float, at: Thresholds, here: Circumstances) -> bool:
        """Whether its comparator says so, whatever is stored."""
        if at.trip is None or not self.enabled:
            return False
        shift = here.overcurrent_shift if self.rule.ends == "recovery" else 0.0
        return self._beyond(value, at.trip + self.trip_shift + shift)

    def _may_end(self, value: float, at: Thresholds, here: Circumstances, recovery: Recovery) -> bool:
        match self.rule.ends:
            case "recovery":
                return recovery.over(self._tripped_at, here.now)
            case "charging":
                return value > at.release and (here.charging or not self.needs_charge)
            case "recharge":
                return value < at.release or (self._may_recharge(here) and not self._beyond_trip(value, at, here))
            case "release":
                return value < at.release if self.rule.above else value > at.release

    def _may_recharge(self, here: Circumstances) -> bool:
        """The second release condition of both over-voltages (manual 4.2)."""
        return here.soc <= here.recharge.soc or here.now - self._tripped_at >= here.recharge.daily

    def _beyond(self, value: float, threshold: float) -> bool:
        return value >= threshold if self.rule.above else value <= threshold
