"""When a guard acts: the rule alone, without process, clock or bench."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from station.guard._watch import FROZEN, OBEY_WITHIN, Cause, Watch
from station.guard._words import SAYS, Word
from station.model.events import InstrumentFound, MadeSafe, OutputChanging

ENDS = (Word.OVER, Word.GONE)
WORDS = [word for word in Word if word not in ENDS]


def heard(*words: Word) -> tuple[Watch, Cause | None]:
    """A watch that has heard this, all at the moment 0, and what the last word was a cause for."""
    watch, cause = Watch(), None
    for word in words:
        cause = watch.hear(word, 0.0)
    return watch, cause


def test_the_death_of_a_run_that_held_the_bench_is_a_cause_to_act() -> None:
    for before in (Word.HOLDS, Word.ARMED):
        assert heard(before, Word.GONE)[1] == Cause("the process of the run died")


def test_a_run_that_left_the_bench_unsafe_is_not_killed_for_it() -> None:
    _, cause = heard(Word.ARMED, Word.OVER)
    assert cause is not None
    assert not cause.kill


def test_a_run_that_never_held_the_bench_may_die_since_the_bench_is_somebody_elses() -> None:
    for end in ENDS:
        assert heard(Word.ALIVE, end)[1] is None


def test_an_armed_run_is_frozen_after_its_last_sign_of_life_and_not_before() -> None:
    watch, _ = heard(Word.ARMED)
    assert watch.silence(FROZEN) is None
    assert watch.hear(Word.ALIVE, FROZEN) is None
    assert watch.silence(2 * FROZEN) is None
    cause = watch.silence(2.01 * FROZEN)
    assert cause is not None
    assert cause.kill


def test_a_run_that_lets_no_current_flow_may_take_its_time() -> None:
    assert heard(Word.HOLDS)[0].silence(1000.0) is None
    assert heard(Word.ARMED, Word.SAFE)[0].silence(1000.0) is None


def test_a_run_must_obey_the_emergency_stop_in_time() -> None:
    watch, _ = heard(Word.ARMED)
    watch.told = 0.0
    watch.hear(Word.ALIVE, OBEY_WITHIN)
    assert watch.silence(OBEY_WITHIN) is None
    watch.hear(Word.ALIVE, 1.1 * OBEY_WITHIN)
    assert watch.silence(1.1 * OBEY_WITHIN) is not None
    watch.hear(Word.SAFE, 1.2 * OBEY_WITHIN)
    assert watch.silence(9.0) is None


@given(st.lists(st.sampled_from(WORDS)), st.sampled_from(ENDS))
def test_a_guard_acts_at_the_end_unless_the_last_that_was_said_of_the_bench_is_that_it_is_safe(
    words: list[Word], end: Word
) -> None:
    said = [word for word in words if word is not Word.ALIVE]
    watch, cause = heard(*words, end)
    assert watch.over
    assert (cause is not None) == (bool(said) and said[-1] is not Word.SAFE)


@pytest.mark.parametrize(
    ("event", "word"), [(InstrumentFound, Word.HOLDS), (OutputChanging, Word.ARMED), (MadeSafe, Word.SAFE)]
)
def test_the_run_says_what_matters_by_the_events_that_it_writes_down_anyway(event: type, word: Word) -> None:
    assert SAYS[event] is word
