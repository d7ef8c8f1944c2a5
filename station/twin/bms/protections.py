"""Alarms and protections: sixteen rows of data, and one comparator with delays that serves them all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from station.twin.bms.recovery import Recovery
from station.twin.bms.timing import Hold

Blocked = Literal["charge", "discharge", "both"]

ALARM_DELAY = 0.5
"""s for an alarm to come or go; the documents give none."""
RELEASE_DELAY = 0.5
"""s for which the condition of a release must hold."""
DEFAULT_DELAY = 1.0
"""s before a protection without a delay register trips; the maker's default for the others."""
RELEASE_SOC = 95.0
"""%; an over-voltage ends below the trip already once so much is left (manual 4.2)."""
FIXED = {"charger_overvoltage.trip": 60.0, "charger_overvoltage.release": 57.0}
"""V at the terminals; no register, an engineering value."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One row: what is held against its thresholds, on which side of them, and which way of the current it stops."""

    name: str
    of: str
    above: bool
    blocks: Blocked
    ends: Literal["release", "charging", "recovery"] = "release"


RULES = (
    Rule("cell_overvoltage", "highest_cell", True, "charge"),
    Rule("cell_undervoltage", "lowest_cell", False, "discharge", ends="charging"),
    Rule("pack_overvoltage", "pack_voltage", True, "charge"),
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
class Circumstances:
    """What a protection is judged by, at one sample."""

    quantities: Mapping[str, float]
    settings: Mapping[str, float]
    now: float
    charging: bool
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

    def reset(self) -> None:
        """Start anew: nothing stands."""
        self.alarm = self.tripped = False
        self._alarm, self._trip, self._release = Hold(), Hold(), Hold()

    def strike(self, now: float, recovery: Recovery) -> None:
        """Trip at once."""
        self.tripped, self._tripped_at = True, now
        if self.rule.ends == "recovery":
            recovery.tripped(now)

    def judge(self, here: Circumstances, recovery: Recovery) -> bool:
        """Bring alarm and trip up to date at one sample; whether it tripped just now."""
        value = here.quantities[self.rule.of]
        self._judge_alarm(value, here)
        if self.tripped:
            if self._release.lasted(self._may_end(value, here, recovery), here.now, self._release_delay):
                self.tripped = False
            return False
        if not self._trip.lasted(self._beyond_trip(value, here), here.now, self._delay(here)):
            return False
        self._trip = Hold()
        self.strike(here.now, recovery)
        return True

    def _judge_alarm(self, value: float, here: Circumstances) -> None:
        threshold = here.settings.get(f"{self.rule.name}.alarm")
        if threshold is None:
            return
        changed = self._beyond(value, threshold) != self.alarm
        if self._alarm.lasted(changed, here.now, ALARM_DELAY):
            self.alarm, self._alarm = not self.alarm, Hold()

    def _beyond_trip(self, value: float, here: Circumstances) -> bool:
        threshold = here.settings.get(f"{self.rule.name}.trip")
        if threshold is None or not self.enabled:
            return False
        shift = here.overcurrent_shift if self.rule.ends == "recovery" else 0.0
        return self._beyond(value, threshold + self.trip_shift + shift)

    def _may_end(self, value: float, here: Circumstances, recovery: Recovery) -> bool:
        if self.rule.ends == "recovery":
            return recovery.over(self._tripped_at, here.now)
        release = here.settings[f"{self.rule.name}.release"]
        if self.rule.ends == "charging":
            return value > release and (here.charging or not self.needs_charge)
        if not self.rule.above:
            return value > release
        enough = self.rule.of in ("highest_cell", "pack_voltage") and here.quantities["soc"] <= RELEASE_SOC
        return value < release or (enough and value < here.settings[f"{self.rule.name}.trip"])

    def _beyond(self, value: float, threshold: float) -> bool:
        return value >= threshold if self.rule.above else value <= threshold

    def _delay(self, here: Circumstances) -> float:
        return self.delay_factor * here.settings.get(f"{self.rule.name}.delay", DEFAULT_DELAY)

    @property
    def _release_delay(self) -> float:
        return 0.0 if self.rule.ends == "recovery" else RELEASE_DELAY


def all_protections() -> dict[str, Protection]:
    """A comparator for each row, by name."""
    return {rule.name: Protection(rule) for rule in RULES}
