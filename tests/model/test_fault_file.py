"""Fault files as data: magnitudes, times and conditions, deeds, and what is refused in one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from station.model.fault import (
    DEEDS,
    ClockJump,
    Condition,
    Disk,
    Edit,
    Expected,
    FaultFile,
    KillAt,
    Repeat,
    Scan,
    Stall,
    StopAt,
)
from station.model.files import InvalidFile, build, parse

START = "fault: it\ntitle: It breaks\nclass: pack\n"


def fault(text: str) -> FaultFile:
    return build(parse((START + text).encode(), Path("it.yaml")), FaultFile)


def refusal(text: str) -> str:
    with pytest.raises(InvalidFile) as caught:
        fault(text)
    [only] = caught.value.faults
    return str(only)


def test_a_list_is_one_magnitude_each_the_mildest_first() -> None:
    file = fault("change: {a.b: [times 3, times 6], c.d: [1 V, 2 V], e: true}\n")
    assert [each.change for each in file.magnitudes] == [
        {"a.b": "times 3", "c.d": "1 V", "e": True},
        {"a.b": "times 6", "c.d": "2 V", "e": True},
    ]
    assert {each.fault for each in file.magnitudes} == {"it"}


def test_without_a_list_there_is_one_magnitude() -> None:
    file = fault("change: {a: 1}\n")
    assert file.magnitudes == (file,)
    assert len(fault("do: {repeat: true}\n").magnitudes) == 1


def test_the_strongest_magnitude_is_what_a_single_run_gets() -> None:
    file = fault("change: {a: [1, 2, 3], b: x}\n")
    assert file.settings == {"a": 3, "b": "x"} == file.magnitudes[-1].settings


def test_values_keep_their_kind() -> None:
    assert fault("change: {a: true, b: 3, c: 0.5, d: closed}\n").settings == {
        "a": True,
        "b": 3,
        "c": 0.5,
        "d": "closed",
    }
    assert fault("change: {a: true}\n").settings["a"] is True


@pytest.mark.parametrize(
    ("text", "meeting", "missing"),
    [
        ("below -50 A", -50.1, -50.0),
        ("above 1.5 mOhm", 0.0016, 0.0015),
        ("at least 3.6 V", 3.6, 3.59),
        ("at most 0.5", 0.5, 0.51),
        ("running", "running", "asleep"),
        ("true", True, False),
        ("3", 3.0, 4.0),
    ],
)
def test_a_condition_is_a_comparison_or_what_it_must_be(text: str, meeting: object, missing: object) -> None:
    when = fault(f"change: {{a: 1}}\nwhen: {{while: {{b: {text}}}}}\n").when
    assert when is not None
    assert when.while_ is not None
    assert when.while_["b"].holds(meeting)
    assert not when.while_["b"].holds(missing)


def test_no_number_is_neither_above_nor_below() -> None:
    assert not Condition("above", 0.0).holds(None)
    assert not Condition("below", 0.0).holds(float("nan"))


@pytest.mark.parametrize(
    ("text", "deed"),
    [
        ("scan: BALI48-999999", Scan(scan="BALI48-999999")),
        ("repeat: true", Repeat(repeat=True)),
        ("stop_at: charge-trips/shifted", StopAt(stop_at="charge-trips/shifted")),
        ("kill_at: resistance", KillAt(kill_at="resistance")),
        ("disk: full, at_step: resistance", Disk(disk="full", at_step="resistance")),
        ("clock: back 1 h", ClockJump(clock=-3600.0)),
        ("clock: forward 90 s, at_step: start", ClockJump(clock=90.0, at_step="start")),
        ("edit: calibration", Edit(edit="calibration")),
    ],
)
def test_a_deed_is_a_value_of_its_own_kind(text: str, deed: object) -> None:
    assert fault(f"do: {{{text}}}\n").do == deed


def test_a_deed_may_last_and_go_with_a_change() -> None:
    file = fault("change: {a: 1}\ndo: {stall: 500 ms, at_step: discharge-overcurrent}\n")
    assert isinstance(file.do, Stall)
    assert file.do.stall.si == 0.5


def test_every_deed_is_named_once() -> None:
    assert len(set(DEEDS)) == len(DEEDS) == 14


@pytest.mark.parametrize(
    ("caught_by", "steps"), [("start", ("start",)), ("[start, window]", ("start", "window")), ("null", ())]
)
def test_one_step_or_one_of_several_must_catch_it(caught_by: str, steps: tuple[str, ...]) -> None:
    expect = fault(f"change: {{a: 1}}\nexpect: {{verdict: FAIL, caught_by: {caught_by}}}\n").expect
    assert expect is not None
    assert expect.steps == steps


def test_a_gap_passes_and_says_why() -> None:
    expect = fault("change: {a: 1}\nexpect: {verdict: PASS, gap: too slow to see}\n").expect
    assert expect == Expected.model_validate({"verdict": "PASS", "gap": "too slow to see"})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("change: {a: [1, 2], b: [1, 2, 3]}\n", "lists of 2 and 3 values"),
        ("change: {a: []}\n", "`a`"),
        ("change: {}\n", "expected at least 1"),
        ("cause: none\n", "nothing goes wrong here"),
        ("change: {a: {b: 1}}\n", "expected a quantity, a number, a word, true or false, or a list of them"),
        ("change: {a: [1, [2]]}\n", "or a list of them"),
        ("change: {a: 1}\nwhen: {at: 1 s, step: start}\n", "either `at: <time>` or `step: <step>`"),
        ("change: {a: 1}\nwhen: {while: {a: above 1 A}, for: 1 s}\n", "`while` says already when it ends"),
        ("change: {a: 1}\nwhen: {}\n", "say when"),
        ("change: {a: 1}\nwhen: {while: {}}\n", "`while`"),
        ("change: {a: 1}\nwhen: {while: {a: above it}}\n", "`it` is not a number with a unit"),
        ("change: {a: 1}\nwhen: {while: {a: [1]}}\n", "expected `below <quantity>`"),
        ("do: {dance: true}\n", "expected one of `scan`, `repeat`"),
        ("do: {clock: sideways}\n", "expected `back <time>` or `forward <time>`"),
        ("do: {clock: back 3 V}\n", "expected a time"),
        ("do: {disk: floppy}\n", "`full` or `read_only`"),
        ("do: {scan: A, repeat: true}\n", "unknown name `repeat`"),
        ("change: {a: 1}\nexpect: {verdict: FAIL, gap: too slow}\n", "a `gap` is a fault that passes"),
        ("change: {a: 1}\nexpect: {verdict: GOOD}\n", "`verdict`: found `GOOD`"),
        ("change: {a: 1}\nreference: '17'\n", "`reference`"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line_at_its_place(text: str, said: str) -> None:
    message = refusal(text)
    assert said in message
    assert message.startswith("it.yaml:")
    assert "\n" not in message


def test_the_same_file_is_read_from_its_own_data() -> None:
    file = fault("change: {a: [1, 2]}\nwhen: {step: start, once: {b: below 1 V}}\ndo: {clock: back 1 h}\n")
    data: dict[str, Any] = {name: getattr(file, name) for name in FaultFile.model_fields if name != "class_"}
    assert FaultFile.model_validate({**data, "class": "pack"}) == file
