"""What counts towards the verdict of a run; no bench is needed for that."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from station.model.verdict import Verdict
from station.run.ledger import Ledger

PASS, FAIL, ERROR, ABORTED, BLOCKED, NOT_TESTED = Verdict


def ledger(*verdicts: Verdict) -> Ledger:
    filled = Ledger()
    for number, verdict in enumerate(verdicts, 1):
        filled.judge(f"step-{number}", verdict, "" if verdict is PASS else f"reason {number}")
    return filled


@given(st.lists(st.sampled_from(Verdict)))
def test_a_run_passes_only_if_something_was_judged_and_all_of_it_passed(verdicts: list[Verdict]) -> None:
    verdict, why = ledger(*verdicts).verdict()
    assert (verdict is PASS) == (bool(verdicts) and set(verdicts) == {PASS})
    assert bool(why) == (verdict is not PASS)


@pytest.mark.parametrize(
    ("verdicts", "verdict", "why"),
    [
        ([], ERROR, "nothing was tested (mandatory, and not tested)"),
        ([PASS, NOT_TESTED], ERROR, "step-2: reason 2 (mandatory, and not tested)"),
        ([FAIL, NOT_TESTED, FAIL], FAIL, "step-1: reason 1"),
        ([FAIL, ERROR], ERROR, "step-2: reason 2"),
        ([ABORTED, FAIL], FAIL, "step-2: reason 2"),
        ([PASS, BLOCKED, ERROR], BLOCKED, "step-2: reason 2"),
    ],
)
def test_the_strongest_decides_and_says_why(verdicts: list[Verdict], verdict: Verdict, why: str) -> None:
    assert ledger(*verdicts).verdict() == (verdict, why)


def test_a_step_that_judged_nothing_and_met_no_trouble_has_done_what_it_should() -> None:
    tested = ledger(FAIL)
    assert tested.worst(tested.mark).verdict is PASS


def test_what_was_done_again_and_passed_counts_no_longer_and_nothing_else_is_forgotten() -> None:
    tested = ledger(FAIL)
    failed = tested.mark
    tested.judge("again", FAIL, "too low")
    passed = tested.mark
    tested.judge("again", PASS, "")
    tested.make_up(failed, passed)
    assert tested.verdict() == (FAIL, "step-1: reason 1")


def test_what_is_excused_is_what_was_not_tested_since_then_and_nothing_else() -> None:
    tested = ledger(PASS)
    mark = tested.mark
    tested.judge("optional", NOT_TESTED, "not today")
    tested.judge("optional", FAIL, "too low")
    tested.excuse(mark)
    assert tested.verdict() == (FAIL, "optional: too low")
    tested = ledger(NOT_TESTED)
    tested.excuse(tested.mark)
    assert tested.verdict()[0] is ERROR


def test_the_first_that_ends_a_run_ends_it() -> None:
    tested = ledger(PASS)
    assert not tested.over
    tested.end("trip", FAIL, "too late")
    assert tested.over
    tested.end("safe state", ERROR, "the load does not answer")
    assert tested.verdict() == (ERROR, "safe state: the load does not answer")
