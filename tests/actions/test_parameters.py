"""Stored parameters against the released set."""

from __future__ import annotations

import pytest

from station.actions.parameters import differences
from station.model.library import Library
from station.run.plan import Files


def test_every_difference_is_named_with_both_values_and_nothing_else() -> None:
    pack = Files(Library.default()).pack("bali48")
    stored = {name: quantity.si for name, quantity in pack.released.items()}
    assert differences(pack, stored) == []
    for name, quantity in pack.released.items():
        wrong = differences(pack, stored | {name: quantity.si + 0.1})
        assert len(wrong) == 1
        assert wrong[0].startswith(f"{name} is ")
    missing = dict(stored)
    del missing["cell_overvoltage.trip"]
    assert differences(pack, missing) == ["cell_overvoltage.trip is not stored"]


@pytest.mark.parametrize("off", [1e-9, -1e-9])
def test_the_last_bits_of_a_number_are_no_difference(off: float) -> None:
    pack = Files(Library.default()).pack("bali48")
    stored = {name: quantity.si + off * max(1.0, abs(quantity.si)) for name, quantity in pack.released.items()}
    assert differences(pack, stored) == []
