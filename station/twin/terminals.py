"""Where the simulated instruments and the simulated circuit meet: numbers only, no behaviour.

The instrument writes what it wants and the circuit writes what came of it, both at each step of the world.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

SourceMode = Literal["OFF", "CV", "CC", "CP"]
SinkMode = Literal["CC", "CV", "CR", "CP"]


@dataclass(slots=True)
class SourceTerminals:
    """What a supply offers the circuit (V, A, W, V/s, A/s), and what the circuit found at its output posts."""

    on: bool = False
    voltage: float = 0.0
    current: float = 0.0
    slew_voltage: float = math.inf
    slew_current: float = math.inf
    power: float = math.inf
    terminal_voltage: float = 0.0
    terminal_current: float = 0.0
    sensed_voltage: float = 0.0
    """Where its sense leads lie: at the posts of the pack."""
    mode: SourceMode = "OFF"


@dataclass(slots=True)
class SinkTerminals:
    """What a load asks of the circuit (A, V, ohm, W, A/s, V), and what the circuit found at its input posts.

    The load draws nothing until `terminal_voltage` has reached `von`; `terminal_current` is what it draws, >= 0.
    """

    on: bool = False
    mode: SinkMode = "CC"
    current: float = 0.0
    voltage: float = 0.0
    resistance: float = math.inf
    power: float = 0.0
    slew_rise: float = math.inf
    slew_fall: float = math.inf
    von: float = 0.0
    terminal_voltage: float = 0.0
    terminal_current: float = 0.0
