"""Stored parameters against the released set."""

from __future__ import annotations

from pathlib import Path

import pytest
from actions.short_runs import DRAWN, short_rig, short_run
from bench_runs import Rig

from station.actions import threshold_shift
from station.actions.parameters import differences
from station.model.events import StepStarted
from station.model.library import Library
from station.model.shift import Infeasible
from station.run.plan import Files

SHIFTED_THEN_CURRENT = (
    "  - use: [eol/parameters]\n"
    "  - {step: hot, under: {discharge: probe}, trip: discharge_overtemperature, by: shift}\n" + DRAWN
)
RESET = "  - use: [eol/parameters, eol/leave-one, eol/reset]\n"


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


def test_a_pack_that_keeps_other_values_than_it_is_told_is_not_driven_on(tmp_path: Path) -> None:
    ran = short_run(tmp_path, SHIFTED_THEN_CURRENT, {"bms.memory.wrong_by": 5})
    assert ran.record.verdict == "FAIL"
    assert "a pack that keeps other values than it is told is not driven on" in ran.record.reason
    assert [step.id for step in ran.record.steps][-1] == "hot"
    assert "NOT RESTORED" in ran.record.thresholds


@pytest.mark.parametrize(("forgets", "verdict"), [(True, "FAIL"), (False, "PASS")])
def test_what_is_written_must_survive_a_reset_and_is_put_back_after_it(
    forgets: bool, verdict: str, tmp_path: Path
) -> None:
    ran = short_run(tmp_path, RESET, {"bms.memory.forgets": forgets})
    found = {each.name: each for each in ran.record.measurements}
    assert found["cell_sleep_delay_written"].verdict == verdict
    assert found["restored"].verdict == "PASS"
    assert found["parameters_released"].verdict == "PASS"
    assert ran.record.verdict == verdict


def test_thresholds_that_were_only_held_do_not_stay_when_no_shift_follows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none_today(*_: object) -> None:
        raise Infeasible("not on this pack today")

    monkeypatch.setattr(threshold_shift, "shift_to_trip", none_today)
    monkeypatch.setattr(threshold_shift, "see_that_shifts_are_feasible", lambda *_: None)
    held = "  - {step: held, under: {discharge: probe}, trip: discharge_overtemperature, by: shift}\n"
    ran = short_run(tmp_path, "  - use: [eol/parameters]\n" + held + "  - {step: later, talk: [rs485_a]}\n")
    kinds = [type(event).__name__ for event in ran.events]
    began = next(at for at, event in enumerate(ran.events) if isinstance(event, StepStarted) and event.step == "later")
    assert "ParametersChanging" in kinds[:began]
    assert "ParametersRestored" in kinds[:began]


HOT_THEN_COLD = (
    "  - use: [eol/parameters]\n"
    "  - {step: hot, under: {discharge: probe}, trip: discharge_overtemperature, by: shift}\n"
    "  - {step: cold, under: {discharge: probe}, trip: discharge_undertemperature, by: shift}\n"
)


def test_what_could_not_be_put_back_ends_the_run_and_is_forgotten_by_nothing_that_comes_later(tmp_path: Path) -> None:
    def look(bench: Rig) -> None:
        bms = bench.twin.bms
        bench.at("hot", lambda: setattr(bms.memory, "wrong_by", 3), lambda: not bms.discharge_fet.closed)
        bench.at("cold", lambda: setattr(bms.memory, "wrong_by", 0))

    record = short_run(tmp_path, HOT_THEN_COLD, look=look).record
    assert record.verdict == "FAIL"
    assert [step.id for step in record.steps][-1] == "hot"
    assert record.thresholds.startswith("NOT RESTORED: discharge_overtemperature.")
    last = record.measurements[-1]
    assert (last.id, last.verdict) == ("hot/discharge_overtemperature_restored", "FAIL")
    assert "the pack keeps shifted values of discharge_overtemperature." in last.reason


def test_what_a_board_forgets_to_have_been_put_back_is_not_restored(tmp_path: Path) -> None:
    shifted = "  - {step: hot, under: {discharge: probe}, trip: discharge_overtemperature, by: shift}\n"
    with short_rig(tmp_path, shifted + RESET + "  - use: eol/shutdown\n") as bench:
        memory = bench.twin.bms.memory
        before = dict(memory.words)
        bench.at("hot", lambda: setattr(memory, "forgets", True), lambda: not bench.twin.bms.discharge_fet.closed)
        record = bench.run(tmp_path).record
    assert record.verdict == "FAIL"
    assert dict(memory.words) == before, "as far as it takes anything at all"
    assert record.thresholds.startswith("NOT RESTORED: discharge_overtemperature.")
    assert [step.id for step in record.steps][-1] == "reset"
