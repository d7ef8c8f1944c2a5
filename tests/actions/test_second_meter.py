"""A voltage is what both ends of the leads show, and one that changed between two looks is looked at again."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest

from station.actions.errors import BenchFault
from station.actions.second_meter import seen_at_both_ends
from station.actions.stage import Reading, Stage


def stage(at_pack_next: float, at_bench: float) -> Stage:
    bench = SimpleNamespace(voltmeter=SimpleNamespace(voltage=lambda: at_pack_next), u=lambda *_: 0.01)
    return cast(Stage, SimpleNamespace(bench=bench, wiring=SimpleNamespace(volts=lambda _: at_bench)))


@pytest.mark.parametrize("volts", [50.3, 0.0, -50.3])
def test_ends_that_are_alike_leave_the_reading_as_it_was_taken(volts: float) -> None:
    taken = Reading(volts, "V", 0.01, "voltmeter")
    assert seen_at_both_ends(stage(99.0, volts + 0.1), taken) is taken


@pytest.mark.parametrize(("before", "now"), [(0.0, 50.3), (50.3, 0.0)], ids=["wakes up", "falls asleep"])
def test_a_pack_that_changed_between_the_two_looks_has_what_both_show_now(before: float, now: float) -> None:
    seen = seen_at_both_ends(stage(now, now), Reading(before, "V", 0.01, "voltmeter"))
    assert (seen.value, seen.unit, seen.witness) == (now, "V", "voltmeter")


@pytest.mark.parametrize("at_bench", [50.3, 0.3])
def test_a_voltmeter_that_stays_apart_is_the_benchs_fault(at_bench: float) -> None:
    with pytest.raises(BenchFault, match=r"the voltmeter says 12\.00 V and the other end of the leads has"):
        seen_at_both_ends(stage(12.0, at_bench), Reading(12.0, "V", 0.01, "voltmeter"))
