"""The cells of a simulated pack: how they charge, sag, relax, drift apart and warm up.

Each cell is its rest voltage at the state of charge of its surface, a resistance and two RC pairs (100 Ah prismatic
LFP; the figures are engineering values of the domain notes, 3.2). All states are solved exactly over a step of constant
current, so any step is stable by itself; in a circuit with a stiff voltage source keep steps at 1 s or less.
"""

from __future__ import annotations

import math
from typing import cast

import numpy as np

from station.twin.ocv import Floats, rest_voltage

SURFACE_REACH = 0.03
"""How far the surface's state of charge runs ahead of the bulk's at a high current."""
SURFACE_CURRENT = 0.15
"""The C rate at which it runs ahead by three quarters of that."""
FAST_SHARE, FAST_TIME, SLOW_TIME = 0.7, 900.0, 43_200.0
"""70 % of the lead follows within 15 min, the rest within 12 h: the relaxation seen at the knee."""
HEAT_CAPACITY, THERMAL_TIME = 2000.0, 18_000.0
"""J/K for a cell; seconds to take on the room's temperature."""
ARRHENIUS = 1900.0
"""K; resistance against temperature: 1.4 times at 10 degC, 0.74 times at 40 degC."""
SELF_DISCHARGE = 0.03 / (30 * 24)
"""The share of its capacity that a cell loses in an hour: 3 % a month."""


class Cells:
    """`n` cells in series, every property an array over the cells that a fault may change in place or as a whole.

    capacity Ah · soc 0..1 · r0 ohm (electrodes) · joint ohm (bars and welds inside the cell's sense loop) · r1, r2 ohm
    and tau1, tau2 s (RC pairs) · leak A (self-discharge) · bleed A (balancing) · polarity +1 or -1 · temperature degC ·
    v1, v2 V, surface_fast, surface_slow 0..1 (states that relax).
    """

    def __init__(self, n: int = 15, capacity: float = 100.0, soc: float = 0.5, temperature: float = 25.0) -> None:
        """Cells at rest that are all alike."""
        self.capacity = np.full(n, capacity)
        self.soc = np.full(n, soc)
        self.r0 = np.full(n, 0.30e-3)
        self.joint = np.full(n, 0.10e-3)
        self.r1 = np.full(n, 0.25e-3)
        self.r2 = np.full(n, 0.40e-3)
        self.tau1 = np.full(n, 4.0)
        self.tau2 = np.full(n, 80.0)
        self.leak = np.full(n, SELF_DISCHARGE * capacity)
        self.bleed = np.zeros(n)
        self.polarity = np.ones(n)
        self.temperature = np.full(n, temperature)
        self.v1 = np.zeros(n)
        self.v2 = np.zeros(n)
        self.surface_fast = np.zeros(n)
        self.surface_slow = np.zeros(n)

    def __len__(self) -> int:
        """How many cells there are."""
        return len(self.soc)

    @property
    def emf(self) -> Floats:
        """Volts of each cell without the drop over `resistance`."""
        rest = rest_voltage(self.soc + self.surface_fast + self.surface_slow)
        return (rest + self.v1 + self.v2) * self.polarity

    @property
    def resistance(self) -> Floats:
        """Ohms of each cell that follow the current at once, at its temperature, its joints included."""
        return cast(Floats, self.r0 * self._cold() + self.joint)

    def voltages(self, current: float) -> Floats:
        """Volts at each cell's sense wires while `current` A flow, positive when charging."""
        return self.emf + current * self.resistance

    def step(self, current: float, dt: float, ambient: float) -> None:
        """Let `current` A (positive when charging) flow for `dt` s in a room of `ambient` degC."""
        flow = current - self.leak - self.bleed
        cold = self._cold()
        reach = SURFACE_REACH * np.tanh(flow / (SURFACE_CURRENT * self.capacity))
        lost = flow * (flow * (self.r0 * cold + self.joint) + self.v1 + self.v2)
        warm = ambient + lost * (THERMAL_TIME / HEAT_CAPACITY)
        self.soc = self.soc + flow * (dt / 3600) / self.capacity
        self.v1 = _approach(self.v1, flow * self.r1 * cold, np.exp(-dt / self.tau1))
        self.v2 = _approach(self.v2, flow * self.r2 * cold, np.exp(-dt / self.tau2))
        self.surface_fast = _approach(self.surface_fast, FAST_SHARE * reach, math.exp(-dt / FAST_TIME))
        self.surface_slow = _approach(self.surface_slow, (1 - FAST_SHARE) * reach, math.exp(-dt / SLOW_TIME))
        self.temperature = _approach(self.temperature, warm, math.exp(-dt / THERMAL_TIME))

    def _cold(self) -> Floats:
        """Resistance at the cells' temperature over that at 25 degC."""
        return cast(Floats, np.exp(ARRHENIUS / (self.temperature + 273.15) - ARRHENIUS / 298.15))


def _approach(now: Floats, target: Floats, left: Floats | float) -> Floats:
    """The value of a state that goes to `target` when the share `left` of its distance remains."""
    return target + (now - target) * left
