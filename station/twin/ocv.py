"""The rest voltage of an LFP cell against its state of charge, and by how much it is higher after a charge.

Points: Sony US26650 graphite/LFP cell at rest and 25 degC, as published with SimSES (M. Naumann, TUM 2018, BSD-3). It
is a curve of the materials and carries over to a 100 Ah cell. The curve is taken as the branch after a discharge, and
the published hysteresis as the distance to the branch after a charge.
"""

from __future__ import annotations

from typing import cast

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

_POINTS = np.array([
    (0, 2.2862), (1, 2.7833), (3, 2.9673), (5, 3.0647), (10, 3.1967), (15, 3.2120), (20, 3.2343), (30, 3.2703),
    (40, 3.2921), (50, 3.2995), (60, 3.3035), (70, 3.3108), (75, 3.3185), (80, 3.3345), (85, 3.3403), (90, 3.3425),
    (95, 3.3447), (98, 3.3487), (99, 3.3618), (99.5, 3.3963), (100, 3.5305),
])  # fmt: skip
_GAP = np.array([
    (0, 30), (3, 30), (5, 29), (10, 25), (15, 24), (20, 25), (30, 29), (40, 23), (50, 19), (60, 19), (70, 21), (75, 23),
    (80, 19), (85, 17), (90, 17), (95, 14.8), (98, 10.8), (98.5, 5), (98.8, 0), (100, 0),
])  # fmt: skip
"""mV. Published up to 90 %; above, it closes: with one phase left nothing lags behind (engineering judgement that lets
full packs rest at 50.2 to 50.4 V, domain notes 3.3)."""
_SMOOTH_TO = 99
"""%; from here the curve goes straight from point to point, and beyond 100 % straight on."""
_GRID = np.linspace(-1.3, 105, 10631)
"""%; beyond its ends (about 0.3 V and 4.9 V) a cell is destroyed, and the voltage stays where it is."""


def _knee(percent: Floats) -> Floats:
    x, y = _POINTS[-3:].T
    return cast(Floats, np.interp(percent, [*x, 105], [*y, y[2] + (y[2] - y[1]) / (x[2] - x[1]) * 5]))


def _drop(percent: Floats) -> Floats:
    """Below 0 %: as steep as the table ends, then steeper."""
    return cast(Floats, _POINTS[0, 1] - 0.6 * np.expm1(-percent))


def _monotone(percent: Floats) -> Floats:
    """Cubic interpolation below the knee that never overshoots (Fritsch and Butland's slopes)."""
    x, y = _POINTS[:-2].T
    width, rise = np.diff(x), np.diff(y) / np.diff(x)
    before, after = 2 * width[1:] + width[:-1], width[1:] + 2 * width[:-1]
    between = (before + after) / (before / rise[:-1] + after / rise[1:])
    slope = np.concatenate(([rise[0]], between, [rise[-1]]))
    at = np.clip(np.searchsorted(x, percent) - 1, 0, len(width) - 1)
    t, h = (percent - x[at]) / width[at], width[at]
    bend = (1 - t) * slope[at] * h - t * slope[at + 1] * h + (2 * t - 1) * (y[at + 1] - y[at])
    return cast(Floats, y[at] + t * (y[at + 1] - y[at]) + t * (1 - t) * bend)


def _curve() -> Floats:
    volts = _monotone(np.clip(_GRID, 0, _SMOOTH_TO))
    volts = np.where(_GRID > _SMOOTH_TO, _knee(_GRID), volts)
    return np.where(_GRID < 0, _drop(np.minimum(_GRID, 0)), volts)


_SOC = _GRID / 100
_VOLTS = _curve()
_GAPS = np.maximum.accumulate(_VOLTS + np.interp(_GRID, *_GAP.T) / 1000) - _VOLTS
_HALF_GAPS = _GAPS / 2
_MIDDLE = _VOLTS + _HALF_GAPS
_STORED = np.concatenate(([0.0], np.cumsum((_MIDDLE[1:] + _MIDDLE[:-1]) / 2 * np.diff(_SOC))))


def rest_voltage(soc: Floats | float) -> Floats:
    """Volts at rest and 25 degC, after a discharge to a state of charge of 0 to 1; finite beyond that too."""
    return cast(Floats, np.interp(soc, _SOC, _VOLTS))


def gap(soc: Floats | float) -> Floats:
    """Volts by which a cell that was charged to a state of charge of 0 to 1 rests higher."""
    return 2 * half_gap(soc)


def half_gap(soc: Floats | float) -> Floats:
    """Half of that: the distance of either branch from the middle."""
    return cast(Floats, np.interp(soc, _SOC, _HALF_GAPS))


def middle_voltage(soc: Floats | float) -> Floats:
    """Volts midway between the two branches: what the chemistry itself gives and takes."""
    return cast(Floats, np.interp(soc, _SOC, _MIDDLE))


def stored(soc: Floats | float) -> Floats:
    """J in a cell of 1 As: the middle voltage summed up from the curve's lower end."""
    return cast(Floats, np.interp(soc, _SOC, _STORED))


def soc_at(volts: Floats | float) -> Floats:
    """The state of charge (0 to 1) of a cell that was discharged and rests at so many volts."""
    return cast(Floats, np.interp(volts, _VOLTS, _SOC))
