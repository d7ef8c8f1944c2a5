"""A board for one number of cells in a pack with another."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import numpy.typing as npt

Kind = TypeVar("Kind", bound=np.generic)


def fitted(values: npt.NDArray[Kind], count: int, missing: bool | float = 0) -> npt.NDArray[Kind]:
    """The first `count` of the values; those that there are not are `missing`."""
    if len(values) == count:
        return values
    fit = np.full(count, missing, dtype=values.dtype)
    fit[: len(values)] = values[:count]
    return fit
