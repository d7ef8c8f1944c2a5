"""What lamps showed is only known where somebody looked."""

from __future__ import annotations

import pytest

from station.actions.errors import BenchFault
from station.actions.lamps import LOOK_EVERY, UNSEEN, see_watched

LOOKS = [(LOOK_EVERY * number, {"RUN": False}) for number in range(21)]
"""One second of looks."""


def test_lamps_that_were_looked_at_all_the_time_may_be_judged() -> None:
    see_watched(LOOKS, 0.0, 1.0)


@pytest.mark.parametrize(
    ("since", "until"),
    [(0.0, 1.0 + 1.1 * UNSEEN), (-1.1 * UNSEEN, 1.0)],
)
def test_a_time_without_a_look_before_or_after_is_the_fault_of_the_bench(since: float, until: float) -> None:
    with pytest.raises(BenchFault, match=r"the lamps were not looked at for 0\.[56] s"):
        see_watched(LOOKS, since, until)


def test_a_gap_between_two_looks_is_the_fault_of_the_bench() -> None:
    late = [(at + 3.6 * (at > 0.5), lit) for at, lit in LOOKS]
    with pytest.raises(BenchFault, match=r"for 3\.[67] s: an instrument or a line answers too late"):
        see_watched(late, 0.0, 4.6)


def test_no_look_at_all_is_the_fault_of_the_bench() -> None:
    with pytest.raises(BenchFault):
        see_watched([], 0.0, 1.0)
