"""All protections of a board together: what stands, what it stops, and what has just changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from station.twin.bms.protections import (
    FIXED,
    RULES,
    Blocked,
    Change,
    Circumstances,
    Protection,
    Recharge,
    Thresholds,
)
from station.twin.bms.recovery import Recovery

_STAGES = {"charge_overcurrent_2": "charge_overcurrent", "discharge_overcurrent_2": "discharge_overcurrent"}
"""Second stages show on the bit of the first."""


@dataclass(slots=True)
class Overcurrent:
    """How much higher (A) every over-current trips than its register says."""

    trip_shift: float = 0.0


@dataclass(slots=True)
class Supervision:
    """The protections by name, and what several of them share."""

    protections: dict[str, Protection] = field(default_factory=lambda: {rule.name: Protection(rule) for rule in RULES})
    recovery: Recovery = field(default_factory=Recovery)
    recharge: Recharge = field(default_factory=Recharge)
    overcurrent: Overcurrent = field(default_factory=Overcurrent)
    _settings: Mapping[str, float] = field(default_factory=dict)
    _thresholds: dict[str, Thresholds] = field(default_factory=dict)

    def reset(self) -> None:
        """Nothing stands, and no over-current is remembered."""
        self.recovery.reset()
        for protection in self.protections.values():
            protection.reset()

    def use(self, settings: Mapping[str, float]) -> None:
        """Act on these settings, by register name; a mapping that is known already is not read again."""
        if settings is not self._settings:
            self._settings = settings
            everything = {**settings, **FIXED}
            self._thresholds = {name: Thresholds.of(name, everything) for name in self.protections}

    def judge(self, quantities: Mapping[str, float], now: float, *, charging: bool) -> Iterator[tuple[str, Change]]:
        """Bring everything up to date at one sample; which protection did what just now."""
        here = Circumstances(now, charging, quantities["soc"], self.recharge, self.overcurrent.trip_shift)
        for name, protection in self.protections.items():
            value, at = quantities[protection.rule.of], self._thresholds[name]
            if change := protection.judge_alarm(value, at, now):
                yield name, change
            if change := protection.judge_trip(value, at, here, self.recovery):
                yield name, change

    def strike(self, name: str, now: float) -> bool:
        """Trip one at once, if it is there and does not stand already; whether it did."""
        protection = self.protections[name]
        if not protection.enabled or protection.tripped:
            return False
        protection.strike(now, self.recovery)
        return True

    def stops(self, way: Blocked) -> list[str]:
        """The protections that stop one direction now."""
        return [name for name, each in self.protections.items() if each.tripped and each.rule.blocks in (way, "both")]

    @property
    def tripped(self) -> frozenset[str]:
        """The protections that it admits to, by the names of their bits."""
        shown = (name for name, each in self.protections.items() if each.tripped and not each.flag_hidden)
        return frozenset(_STAGES.get(name, name) for name in shown)

    @property
    def alarms(self) -> frozenset[str]:
        """The alarms that stand."""
        return frozenset(name for name, each in self.protections.items() if each.alarm)
