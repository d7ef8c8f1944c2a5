"""The pack's ammeter as a straight line, from comparisons with an instrument that is known to be right.

Full charging current is more than most supplies give, so the threshold at which a charge over-current really opens
follows from where the pack's own ammeter would stand at the stored one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

LEAST = 3
"""Different currents that a line must be fitted to: a line through two says nothing of how well it fits."""
APART = 1.0
"""Amperes from which two currents are different ones."""


class TooFew(ValueError):
    """Too few different currents for a line; the message says how many there were."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What the pack said when `true` A flowed, by an instrument with the expanded uncertainty `uncertainty` (A)."""

    true: float
    said: float
    uncertainty: float


@dataclass(frozen=True, slots=True)
class Ammeter:
    """It says `offset` + (1 + `gain`) times the true current."""

    gain: float
    offset: float
    doubt: float
    """Expanded uncertainty of one comparison, A."""
    count: int
    middle: float
    """Mean of the currents that it was compared at, A."""
    reach: float
    """Sum of the squared distances of these currents from their mean, A2."""

    def true_at(self, said: float) -> float:
        """The current in A that flows when the pack says `said`."""
        return (said - self.offset) / (1 + self.gain)

    def uncertainty_at(self, true: float) -> float:
        """Expanded uncertainty in A of the line at `true` A: it grows with the distance from what was compared."""
        return self.doubt * math.sqrt(1 / self.count + (true - self.middle) ** 2 / self.reach) / (1 + self.gain)


def fit(comparisons: Sequence[Comparison]) -> Ammeter:
    """The line of least squares; raises TooFew.

    One comparison is as uncertain as its instrument, or as the line misses the points, whichever is more.
    """
    different = {round(each.true / APART) for each in comparisons}
    if len(different) < LEAST:
        raise TooFew(f"the pack's ammeter was compared at {len(different)} currents, {LEAST} different ones are needed")
    count = len(comparisons)
    middle = sum(each.true for each in comparisons) / count
    said = sum(each.said for each in comparisons) / count
    reach = sum((each.true - middle) ** 2 for each in comparisons)
    slope = sum((each.true - middle) * (each.said - said) for each in comparisons) / reach
    offset = said - slope * middle
    missed = sum((each.said - offset - slope * each.true) ** 2 for each in comparisons)
    scatter = 2 * math.sqrt(missed / (count - 2))
    doubt = max(scatter, *(each.uncertainty for each in comparisons))
    return Ammeter(slope - 1, offset, doubt, count, middle, reach)
