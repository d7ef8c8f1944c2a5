"""Which lamp state the BMS is in, and what can be wrong with the lamps themselves.

What each state looks like is the business of the panel and its table; the names are those of the pack file.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

Flow = Literal["standby", "charging", "discharging"]
Broken = Literal["dark", "lit"] | None

OVERVOLTAGES = frozenset(("cell_overvoltage", "pack_overvoltage"))
_UNDERVOLTAGES = frozenset(("cell_undervoltage", "pack_undervoltage"))


@dataclass(slots=True)
class Lamps:
    """The six lamps by name: None works, `dark` and `lit` do not.

    They can all be switched off (`enabled`, manual 7-1). A short press shows the charge for `soc_for` s (manual 7-3).
    """

    RUN: Broken = None
    ALM: Broken = None
    L1: Broken = None
    L2: Broken = None
    L3: Broken = None
    L4: Broken = None
    enabled: bool = True
    soc_for: float = 5.0
    soc_until: float = -math.inf


def lamp_state(
    flow: Flow, charge_stops: Collection[str], discharge_stops: Collection[str], alarms: Collection[str]
) -> str:
    """The state of a BMS that runs without a failure: names of the protections that stand, by what they stop, and
    alarms.

    A protection against one direction does not show while current flows in the other; an over-voltage alarm does not
    show while charging, since every full charge raises it (domain notes 7).
    """
    if charge_stops and flow != "discharging":
        return "overvoltage" if OVERVOLTAGES.issuperset(charge_stops) else "charge_protection"
    if discharge_stops and flow != "charging":
        return "undervoltage" if _UNDERVOLTAGES.issuperset(discharge_stops) else "discharge_protection"
    shown = set(alarms) - OVERVOLTAGES if flow == "charging" else alarms
    return f"{flow}_alarm" if shown else flow
