"""How a trial is judged, drawn and summed up; no run is needed for that."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from station.model.fault import Expected, FaultFile
from station.model.verdict import Verdict
from station.studies.coverage import Coverage, drawn, fault_cases, good_cases, good_seeds, pair_cases
from station.studies.deeds import Ending
from station.studies.edges import turning_point
from station.studies.good_packs import AGE, PROPERTIES, SPREAD, good_pack, good_state
from station.studies.trial import Case, Margin, Outcome, Tried, judge
from station.twin.states import State

STATE = State.model_validate({"twin": "any", "title": "Any", "soc": "90 %"})
CLASSES = ("pack", "line", "bench", "operator", "pc")


def fault(name: str = "dead", **fields: object) -> FaultFile:
    given_ = {"fault": name, "title": "Something", "class": "pack", "change": {"bms.key.dead": True}}
    return FaultFile.model_validate(given_ | fields)


def deed(name: str) -> FaultFile:
    return FaultFile.model_validate(
        {"fault": name, "title": "Somebody stops it", "class": "operator", "do": {"stop_at": "window"}}
    )


def expected(verdict: str, *steps: str, gap: str | None = None) -> Expected:
    return Expected.model_validate({"verdict": verdict, "caught_by": steps or None, "gap": gap})


def case_of(*must: Expected) -> Case:
    return Case(tuple(fault(expect=each.model_dump()) for each in must), STATE)


@pytest.mark.parametrize(
    ("must", "verdict", "step", "outcome"),
    [
        (expected("FAIL", "window"), "FAIL", "window", Outcome.RIGHT),
        (expected("FAIL", "window", "start"), "FAIL", "start", Outcome.RIGHT),
        (expected("FAIL"), "FAIL", "anywhere", Outcome.RIGHT),
        (expected("FAIL", "window"), "FAIL", "start", Outcome.WRONG_STEP),
        (expected("FAIL", "window"), "PASS", "", Outcome.ESCAPED),
        (expected("ERROR"), "FAIL", "window", Outcome.WRONG_VERDICT),
        (expected("ERROR"), "PASS", "", Outcome.ESCAPED),
        (expected("PASS"), "PASS", "", Outcome.RIGHT),
        (expected("PASS"), "FAIL", "window", Outcome.WRONG_VERDICT),
        (expected("PASS", gap="too slow"), "PASS", "", Outcome.GAP),
        (expected("PASS", gap="too slow"), "FAIL", "window", Outcome.WRONG_VERDICT),
        (expected("PASS", "verify"), "PASS", "", Outcome.WRONG_STEP),
    ],
)
def test_one_fault_is_judged_by_verdict_and_step(must: Expected, verdict: str, step: str, outcome: Outcome) -> None:
    assert judge(case_of(must), Ending(Verdict(verdict), step)) is outcome


@pytest.mark.parametrize(
    ("verdict", "outcome"),
    [("FAIL", Outcome.RIGHT), ("ERROR", Outcome.RIGHT), ("PASS", Outcome.ESCAPED), ("BLOCKED", Outcome.WRONG_VERDICT)],
)
def test_of_two_faults_either_may_decide_but_neither_may_pass(verdict: str, outcome: Outcome) -> None:
    one, other = expected("FAIL", "window"), expected("ERROR", "start")
    assert judge(case_of(one, other), Ending(Verdict(verdict), "elsewhere")) is outcome


ALTERED = expected("PASS", "verify")


@pytest.mark.parametrize("others", [(), (expected("PASS", gap="too slow"),), (expected("FAIL", "window"),)])
@pytest.mark.parametrize("first", [True, False])
def test_an_altered_certificate_is_refused_whatever_its_run_came_to(others: tuple[Expected, ...], first: bool) -> None:
    case = case_of(*((ALTERED, *others) if first else (*others, ALTERED)))
    verdict = others[0].verdict if others else Verdict.PASS
    assert judge(case, Ending(verdict, "verify")).good
    assert judge(case, Ending(verdict, "window")) is Outcome.WRONG_STEP


def test_a_fault_that_passes_excuses_nothing_that_comes_with_it() -> None:
    gap = fault(expect={"verdict": "PASS", "gap": "too slow"})
    bad = fault(expect={"verdict": "FAIL", "caught_by": "window"})
    assert [each.verdict for each in Case((gap, bad), STATE).expected] == ["FAIL"]
    assert [each.verdict for each in Case((gap, gap), STATE).expected] == ["PASS"]


# ------------------------------------------------------------------------------------------------ what is tried


def test_a_fault_is_tried_mildest_strongest_and_one_between_in_each_pack() -> None:
    many = fault(change={"cells.soc": [0.1, 0.2, 0.3, 0.4, 0.5]})
    cases = fault_cases([many], STATE, seeds=2)
    assert [(case.setting, case.seed) for case in cases] == [
        ("cells.soc: 0.1", 1), ("cells.soc: 0.1", 2), ("cells.soc: 0.3", 1), ("cells.soc: 0.3", 2),
        ("cells.soc: 0.5", 1), ("cells.soc: 0.5", 2),
    ]  # fmt: skip


def test_what_somebody_does_is_done_to_one_pack() -> None:
    assert len(fault_cases([deed("stop")], STATE, seeds=3)) == 1


def cases_of_all_classes() -> tuple[Case, ...]:
    return fault_cases(
        [fault(f"{name}-{number}", **{"class": name}) for name in CLASSES for number in range(9)], STATE, 1
    )


@given(st.text(max_size=40), st.integers(5, 45))
def test_a_sample_is_the_same_for_the_same_text_and_has_every_class(text: str, count: int) -> None:
    cases = cases_of_all_classes()
    sample = drawn(cases, count, text)
    assert sample == drawn(cases, count, text)
    assert len({id(case) for case in sample}) == count
    found = Counter(case.class_ for case in sample)
    assert set(found) == set(CLASSES)
    assert max(found.values()) - min(found.values()) <= 1


def test_another_commit_draws_another_sample() -> None:
    cases = cases_of_all_classes()
    assert {case.name for case in drawn(cases, 10, "a")} != {case.name for case in drawn(cases, 10, "b")}
    assert good_seeds(3) == (1, 2, 3)
    assert good_seeds(5, "a") == good_seeds(5, "a") != good_seeds(5, "b")


def test_pairs_are_of_different_faults_and_of_one_deed_at_most() -> None:
    faults = [fault("one"), fault("two"), *(deed(f"deed-{n}") for n in range(4))]
    pairs = pair_cases(faults, STATE, 20, "text")
    assert len(pairs) == 20
    assert all(len({each.fault for each in case.faults}) == 2 for case in pairs)
    assert all(sum(each.do is not None for each in case.faults) <= 1 for case in pairs)


# ------------------------------------------------------------------------------------------------ good packs


@given(st.integers(1, 10**6))
def test_a_good_pack_is_its_seed_and_lies_within_its_tolerance(seed: int) -> None:
    pack = good_pack(seed)
    assert pack == good_pack(seed)
    assert pack.expect is not None
    assert pack.expect.verdict is Verdict.PASS
    for each in PROPERTIES:
        names = [f"{each.name}[{number}]" for number in range(1, each.count + 1)] or [each.name]
        for name in names:
            found = float(next(word for word in str(pack.change[name]).split() if word[-1].isdigit()))
            assert each.low <= found <= each.high
    state = good_state(STATE, seed)
    assert AGE[0] <= state.asleep <= AGE[1]
    assert SPREAD[0] <= state.spread <= SPREAD[1]


def test_good_packs_reach_both_ends_of_every_tolerance() -> None:
    packs = [good_pack(seed) for seed in range(1, 201)]
    for each in PROPERTIES:
        name = f"{each.name}[1]" if each.count else each.name
        values = [float(next(w for w in str(pack.change[name]).split() if w[-1].isdigit())) for pack in packs]
        tenth = (each.high - each.low) / 10
        assert min(values) < each.low + tenth, name
        assert max(values) > each.high - tenth, name


# ------------------------------------------------------------------------------------------------ summing up


def tried(case: Case, outcome: Outcome = Outcome.RIGHT, **fields: object) -> Tried:
    given_ = {"verdict": Verdict.PASS, "step": "", "reason": "", "cpu_s": 1.0} | fields
    return Tried(case, outcome, **given_)  # type: ignore[arg-type] # fields by name


def test_the_summary_counts_faults_not_runs_and_one_bad_run_is_enough() -> None:
    right, gap, wrong = (fault_cases([fault(name)], STATE, seeds=2) for name in ("right", "gap", "wrong"))
    packs = good_cases(STATE, [1, 2])
    found = Coverage(
        (
            *(tried(case) for case in right),
            *(tried(case, Outcome.GAP) for case in gap),
            tried(wrong[0]),
            tried(wrong[1], Outcome.ESCAPED),
            tried(packs[0]),
            tried(packs[1], Outcome.WRONG_VERDICT),
        )
    )
    assert found.summary().startswith("3 faults, 1 as expected, 1 gaps, 1 escaped or wrong; 2 good packs, 1 rejected;")
    assert [each.case.seed for each in found.rejected] == [2]
    assert not found.good


def test_the_worst_margin_of_each_limit_is_told_with_its_pack() -> None:
    def margin(name: str, share: float) -> Margin:
        return Margin(name, share, 1.0, 0.0, 2.0, "V")

    one, two = good_cases(STATE, [1, 2])
    found = Coverage(
        (
            tried(one, margins=(margin("window/voltage", 0.4), margin("rest/spread", 0.1))),
            tried(two, margins=(margin("window/voltage", 0.2), margin("rest/spread", 0.3))),
        )
    )
    told = [(worst.measurement, worst.share, seed) for worst, seed in found.worst_margins()]
    assert told == [("rest/spread", 0.1, 1), ("window/voltage", 0.2, 2)]


@given(st.floats(0.0, 1.0), st.sampled_from([-1.0, 1.0]))
def test_a_turning_point_is_found_on_either_side(edge: float, side: float) -> None:
    def passes(value: float) -> bool:
        return side * value <= edge

    assert turning_point(passes, -0.1 * side, 1.1 * side, 1e-3) == pytest.approx(side * edge, abs=1e-3)


def test_a_verdict_that_does_not_turn_is_said_so() -> None:
    with pytest.raises(ValueError, match="does not turn"):
        turning_point(lambda value: True, 0.0, 1.0, 0.1)
