"""What a pack shows at rest: voltage against charge, and what time takes from both."""

from __future__ import annotations

from functools import cached_property
from itertools import pairwise

import numpy as np
from pydantic import Field, model_validator

from station.model.files import Model
from station.model.quantity import QuantityText, Seconds, Volts, parse_quantity

MONTH = 30 * 86400.0
"""Seconds of the month in which `self_discharge` is lost."""


class AtRest(Model):
    """Rest voltage of a cell by its charge in percent, self-discharge of the pack in a month, and when to look."""

    self_discharge: QuantityText
    forecast: tuple[Seconds, ...] = ()
    """After how long an installer may find the pack."""
    cell_voltage: dict[str, Volts] = Field(min_length=2)

    @model_validator(mode="after")
    def _rises(self) -> AtRest:
        if any(not (a < b and u < v) for (a, u), (b, v) in pairwise(self._curve)):
            raise ValueError("`cell_voltage`: charge and voltage must rise from row to row, as in `95 %: 3.345 V`")
        return self

    @cached_property
    def _curve(self) -> tuple[tuple[float, float], ...]:
        return tuple((parse_quantity(share, "ratio").si, volts.si) for share, volts in self.cell_voltage.items())

    def voltage(self, percent: float) -> float:
        """Volts of a cell at rest with so much charge."""
        shares, volts = zip(*self._curve, strict=True)
        return float(np.interp(percent, shares, volts))

    def charge(self, volts: float) -> float:
        """Percent of charge of a cell that rests at so many volts."""
        shares, curve = zip(*self._curve, strict=True)
        return float(np.interp(volts, curve, shares))

    def voltage_after(self, percent: float, seconds: float) -> float:
        """Volts of a cell with so much charge now, after it was left alone for so long."""
        return self.voltage(percent - self.self_discharge.si * seconds / MONTH)
