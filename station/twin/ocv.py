"""The rest voltage of an LFP cell against its state of charge.

Points: Sony US26650 graphite/LFP cell at rest and 25 degC, as published with SimSES (M. Naumann, TUM 2018, BSD-3). It
is a curve of the materials and carries over to a 100 Ah cell.
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
_GRID = np.linspace(-1.3, 100.8, 10211)
"""%; beyond its ends (about 0.3 V and 4.9 V) a cell is destroyed, and the voltage stays where it is."""


_Y99, _Y99_5, _Y100 = _POINTS[-3:, 1]
_RATIO = (_Y100 - _Y99_5) / (_Y99_5 - _Y99)
_KNEE_RISE = (_Y99_5 - _Y99) / (_RATIO - 1)
_KNEE_WIDTH = 0.5 / np.log(_RATIO)


def _knee(percent: Floats) -> Floats:
    """The exponential through the last three points; it goes on beyond 100 % and grows ever steeper."""
    return cast(Floats, _Y99 + _KNEE_RISE * np.expm1((percent - 99) / _KNEE_WIDTH))


def _drop(percent: Floats) -> Floats:
    """Below 0 %: as steep as the table ends, then steeper."""
    return cast(Floats, _POINTS[0, 1] - 0.6 * np.expm1(-percent))


def _monotone(percent: Floats) -> Floats:
    """Cubic interpolation up to 99 % that never overshoots (Fritsch and Butland's slopes), smooth into the knee."""
    x, y = _POINTS[:-2].T
    width, rise = np.diff(x), np.diff(y) / np.diff(x)
    before, after = 2 * width[1:] + width[:-1], width[1:] + 2 * width[:-1]
    slope = np.concatenate(
        ([rise[0]], (before + after) / (before / rise[:-1] + after / rise[1:]), [_KNEE_RISE / _KNEE_WIDTH])
    )
    at = np.clip(np.searchsorted(x, percent) - 1, 0, len(width) - 1)
    t, h = (percent - x[at]) / width[at], width[at]
    bend = (1 - t) * slope[at] * h - t * slope[at + 1] * h + (2 * t - 1) * (y[at + 1] - y[at])
    return cast(Floats, y[at] + t * (y[at + 1] - y[at]) + t * (1 - t) * bend)


def _curve() -> Floats:
    middle = np.clip(_GRID, 0, 99)
    volts = _monotone(middle)
    volts = np.where(_GRID > 99, _knee(np.maximum(_GRID, 99)), volts)
    return np.where(_GRID < 0, _drop(np.minimum(_GRID, 0)), volts)


_SOC = _GRID / 100
_VOLTS = _curve()


def rest_voltage(soc: Floats | float) -> Floats:
    """Volts at rest and 25 degC for a state of charge of 0 to 1; finite for any number outside too."""
    return cast(Floats, np.interp(soc, _SOC, _VOLTS))


def soc_at(volts: Floats | float) -> Floats:
    """The state of charge (0 to 1) of a cell that rests at so many volts."""
    return cast(Floats, np.interp(volts, _VOLTS, _SOC))
