"""What a person is asked: the answers that count, those that do not, and a key that a hand presses."""

from __future__ import annotations

from pathlib import Path

import pytest
from actions.short_runs import KNOWN, short_rig
from bench_runs import SERIAL, Ran
from hypothesis import given
from hypothesis import strategies as st

from station.model.bench import OPERATOR, WiredEntry
from station.model.events import Answered, Asked
from station.model.files import InvalidFile
from station.model.library import Library
from station.model.prompt import DONE, Prompt
from station.run.plan import Files, make_plan
from station.studies.rig import Station
from station.studies.simulation import DEFAULT_STATE, Simulated
from station.twin.person import Habit, TwinPerson
from station.twin.states import read_state

LOOK = "  - step: look\n    ask: [{text: 'Any dent, crack or leak?', answer: none}]\n"
LABEL = "  - step: label\n    ask: [{text: Type what the label says, answer: serial_number}]\n"
SCALE = "  - step: scale\n    ask: [{text: On the drawing?, answer: as expected, optional: No drawing at hand}]\n"


class Says:
    """Somebody who has these answers ready, one for each time that anything is asked."""

    def __init__(self, *answers: str) -> None:
        self.answers, self.open = list(answers), False

    def ask(self, prompt: Prompt) -> None:
        self.open = True

    def said(self) -> str | None:
        if not (self.open and self.answers):
            return None
        self.open = False
        return self.answers.pop(0)


def asked(tmp_path: Path, steps: str, *answers: str) -> Ran:
    with short_rig(tmp_path, steps, known="eol/start, eol/window") as bench:
        bench.person = Says(*answers)
        return bench.run(tmp_path)


def by_hand(tmp_path: Path, habit: Habit = "heeds", steps: str = "", broken: str = "") -> Ran:
    """A run on a bench whose key a person presses, of the steps up to identity and then `steps`."""
    path = tmp_path / "hand.yaml"
    path.write_text(f"sequence: hand\ntitle: By hand\npack: bali48\nsteps:\n  - use: [{KNOWN}]\n{steps}", "utf-8")
    found = Station.of(str(path))
    roles = {**found.bench.slots[1], "key": WiredEntry(by=OPERATOR)}
    station = Station(found.files, found.bench.model_copy(update={"slots": {1: roles}}), found.sequence)
    with station.rig(Simulated(read_state(DEFAULT_STATE), (), 1), SERIAL) as bench:
        if broken:
            bench.twin.set(broken, "dark" if "lamps" in broken else True)
        bench.person = TwinPerson(bench.twin, bench.clock, SERIAL, habit)
        return bench.run(tmp_path)


def test_the_answer_that_a_good_pack_gives_passes(tmp_path: Path) -> None:
    ran = asked(tmp_path, LOOK, "None")
    assert ran.record.verdict == "PASS"
    assert ran.measurement("look/question_1").value == "none"
    assert "Any dent, crack or leak? None" in ran.step("look").notes
    assert [event.answer for event in ran.events if isinstance(event, Answered)] == ["None"]


def test_what_somebody_sees_instead_fails_the_pack_in_their_words(tmp_path: Path) -> None:
    ran = asked(tmp_path, LOOK, "fail: a dent beside the handle")
    assert ran.record.verdict == "FAIL"
    assert "a dent beside the handle" in ran.step("look").reason


def test_a_yes_from_habit_is_no_answer_and_is_asked_again(tmp_path: Path) -> None:
    assert asked(tmp_path, LOOK, "yes", "y", "none").record.verdict == "PASS"


def test_nothing_but_yes_ends_the_run_as_aborted(tmp_path: Path) -> None:
    ran = asked(tmp_path, LOOK, *["yes"] * 1000)
    assert ran.record.verdict == "ABORTED"
    assert "nobody answered within 60 s: Any dent, crack or leak?" in ran.record.reason


@pytest.mark.parametrize(("label", "verdict"), [(SERIAL, "PASS"), ("BALI48-000002", "BLOCKED")])
def test_the_label_must_say_what_was_scanned(tmp_path: Path, label: str, verdict: str) -> None:
    assert asked(tmp_path, LABEL, label).record.verdict == verdict


def test_only_what_may_be_left_out_can_be_skipped(tmp_path: Path) -> None:
    left_out, insisted = asked(tmp_path, SCALE, "skip"), asked(tmp_path, LOOK, "skip", "none")
    assert (left_out.record.verdict, insisted.record.verdict) == ("PASS", "PASS")
    assert "left out: No drawing at hand" in left_out.step("scale").notes


def test_the_time_of_a_person_is_no_bench_time(tmp_path: Path) -> None:
    ran = by_hand(tmp_path)
    step = ran.step("start")
    assert ran.record.verdict == "PASS"
    assert step.operator_s == pytest.approx(2.0, abs=0.2)
    assert ran.record.bench_time_s == pytest.approx(ran.events[-1].at_s - step.operator_s, abs=0.01)
    assert next(event.hint for event in ran.events if isinstance(event, Asked)) == f"type `{DONE}`"


def test_a_press_of_which_nobody_knows_the_length_proves_no_threshold(tmp_path: Path) -> None:
    assert by_hand(tmp_path).measurement("start/key_start_threshold").value is None


@pytest.mark.parametrize(
    ("habit", "verdict"), [("none", "ABORTED"), ("always yes", "ABORTED"), ("without doing", "ERROR")]
)
def test_what_the_person_does_not_do_is_never_the_packs_failure(tmp_path: Path, habit: Habit, verdict: str) -> None:
    ran = by_hand(tmp_path, habit)
    assert (ran.record.verdict, ran.bad_steps[:1]) == (verdict, ["start"])


def test_a_lamp_that_stays_dark_when_the_others_light_is_the_packs(tmp_path: Path) -> None:
    ran = by_hand(tmp_path, broken="bms.lamps.L3")
    assert (ran.record.verdict, ran.bad_steps[:1]) == ("FAIL", ["start"])


@pytest.mark.parametrize("press", ["show_soc", "shutdown", "reset"])
def test_a_press_that_nothing_shows_is_not_held_against_the_pack(tmp_path: Path, press: str) -> None:
    """A key that dies after the start looks like a hand that does not press it."""
    expect = {"show_soc": "{silent: rs485_a}", "shutdown": "{lamps: asleep}", "reset": "{lamps: lamp_test}"}[press]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TwinPerson, "said", _only_starts)
        ran = by_hand(tmp_path, steps=f"  - {{step: last, press_key: {press}, expect: {expect}}}\n")
    assert (ran.record.verdict, ran.bad_steps) == ("ERROR", ["last"])
    assert "a person pressed the key" in ran.step("last").reason


_heeding = TwinPerson.said


def _only_starts(person: TwinPerson) -> str | None:
    prompt = person._prompt
    if prompt is None or "(start)" in prompt.text:
        return _heeding(person)
    person._prompt = None
    return DONE


@pytest.mark.parametrize("name", ["terminal_voltage", "design_capacity", "address", "serial_nubmer"])
def test_what_a_person_would_have_to_measure_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / "mass.yaml"
    steps = f"  - {{step: mass, ask: [{{text: Voltage?, answer: {name}}}]}}\n"
    path.write_text(f"sequence: mass\ntitle: Mass\npack: bali48\nsteps:\n{steps}", "utf-8")
    files = Files(Library.default())
    with pytest.raises(InvalidFile, match=rf"`ask: {name}` cannot be carried out"):
        make_plan(files, str(path), files.bench("simulated"), SERIAL)


@given(said=st.text(), answer=st.sampled_from(["as expected", "none", "not tripped", DONE]), skip=st.booleans())
def test_only_what_is_offered_counts_as_an_answer(said: str, answer: str, skip: bool) -> None:
    plain = said.strip().lower()
    offered = plain == answer or (plain.startswith("fail:") and answer != DONE) or (skip and plain == "skip")
    assert Prompt("?", answer, may_skip=skip).takes(said) == offered
