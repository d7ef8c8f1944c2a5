"""A bad sequence file is refused before anything is energised: one clear line with its place, status 2."""

from __future__ import annotations

from pathlib import Path

import pytest
from bad_input import SEQUENCE, Refused, changed, run_of

from station.cli.main import status

NO_NUMBER = "no number stands in a sequence; name a row of the pack file"
NO_QUANTITY = "no number with a unit stands in a sequence; name a row of the pack file"


@pytest.mark.usefixtures("own_folder")
def test_the_sequence_that_these_tests_spoil_is_good(capsys: pytest.CaptureFixture[str]) -> None:
    Path("mine.yaml").write_text(SEQUENCE, "utf-8")
    assert status(["check", "mine.yaml"]) == 0
    assert capsys.readouterr().out == "1 file checked, nothing wrong\n"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("measure: current", "^mesure: current", "unknown name `mesure`; did you mean `measure`?"),
        ("after_restore", "^after_resore", "`after_resore` is no protection; did you mean `after_restore`?"),
        ("press_key: start", "press_key: ^stat", "`stat` is no key press; did you mean `start`?"),
        ("polarity", "^polaritty", "`polaritty` is no measurement; did you mean `polarity`?"),
        ("factory_window", "^factory_windo", "`factory_windo` is no limit for terminal_voltage; did you mean"),
        ("lamps: standby", "lamps: ^standbye", "`standbye` is no lamp state; did you mean `standby`?"),
        ("{charge: standard}", "{charge: ^20 A}", f"`20 A`: {NO_QUANTITY}"),
        ("{charge: standard}", "{charge: ^20}", f"`20`: {NO_NUMBER}"),
        ("A short test", "^A test of 5 s", f"`5 s`: {NO_QUANTITY}"),
        ("step: charging", "step: ^window", "there is a step `window` already, in line 9"),
        (
            "step: charging",
            "step: ^Charging 1",
            "`step`: `Charging 1` is no name for a step; write small letters, digits and `-`",
        ),
        ("gate: true", "gate: ^perhaps", "`gate`: found `perhaps`, expected true or false"),
        ("sequence: mine\n", "sequence: mine\ntitle: A\n", "`title` twice here"),
        ("pack: [bali48]", "pack: [^bali84]", "there is no pack file for bali84; did you mean `bali48`?"),
        ("title: A short test\n", "", "`title` is missing"),
        ("    measure: current_error\n", "", "step `charging`: does nothing; name an action: talk, require"),
        ("by: shift", "by: ^shove", "`shove` is no way to trip a protection; known: direct_drive"),
        (
            "for: 2 periods",
            "for: ^for ever",
            "`for`: `for ever` is no time; write `2 periods`, or a time of the pack file",
        ),
        (
            "    limit: {",
            "    limit: {^cell_count: cell_count, ",
            "`cell_count` is no measurement of this step; known: pol",
        ),
    ],
)
def test_a_wrong_word_in_a_sequence_is_shown_where_it_stands(
    old: str, new: str, message: str, refused: Refused
) -> None:
    text, place = changed(SEQUENCE, old, new)
    Path("mine.yaml").write_text(text, "utf-8")
    said = refused(*run_of())
    assert said == refused("check", "mine.yaml")
    assert len(said) == 1
    assert said[0].startswith("mine.yaml:")
    assert said[0].partition(": ")[2].startswith(message)
    if "^" in new:
        assert said[0].startswith(f"mine.yaml:{place}: ")


@pytest.mark.parametrize(
    ("inner", "message"),
    [
        (
            "^{step: press, press_key: show_soc}",
            "step `press` disturbs the wait of `standby`: current and lamps must stay",
        ),
        (
            "^{step: flow, discharge: standard, for: unlock_time}",
            "step `flow` disturbs the wait of `standby`: current must",
        ),
        ("^{step: alarm, alarm: high}", "step `alarm` disturbs the wait of `standby`: lamps must stay as it is"),
        ("{use: ^mine/charging}", "step `charging` disturbs the wait of `standby`: current must stay as it is"),
        ("{use: ^mine/standby}", "`mine/standby`: a step cannot use itself: mine/standby uses mine/standby"),
        ("{use: ^mine/starting}", "`mine/starting`: sequence mine has no step `starting`; did you mean `start`?"),
        ("{use: ^moon/start}", "`moon/start`: there is no sequence `moon`; known: eol"),
    ],
)
def test_a_meanwhile_that_disturbs_its_wait_is_refused(inner: str, message: str, refused: Refused) -> None:
    text, place = changed(SEQUENCE, "    meanwhile:\n", f"    meanwhile:\n      - {inner}\n")
    Path("mine.yaml").write_text(text, "utf-8")
    assert any(said.startswith(f"mine.yaml:{place}: {message}") for said in refused(*run_of()))


def test_a_meanwhile_without_a_wait_is_refused(refused: Refused) -> None:
    text, place = changed(
        SEQUENCE, "    expect: {lamps: standby, for: 2 periods}\n    mean", "    record: soc\n    ^mean"
    )
    Path("mine.yaml").write_text(text, "utf-8")
    assert refused(*run_of()) == [f"mine.yaml:{place}: step `standby` waits for nothing, so nothing can run meanwhile"]


def test_all_faults_of_a_file_are_told_at_once_in_its_order(refused: Refused) -> None:
    text = SEQUENCE.replace("gate: true", "gat: true").replace("by: shift", "by: [shift]\n    charg: full\n    ask: 5")
    Path("mine.yaml").write_text(text, "utf-8")
    assert [line.partition(": ")[2] for line in refused(*run_of())] == [
        "unknown name `gat`; did you mean `gate`?",
        "unknown name `charg`; did you mean `charge`?",
        f"`5`: {NO_NUMBER}",
    ]


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "1:1: expected `name: value` lines, the first of which says what it is"),
        (b"- a list\n", "1:1: expected `name: value` lines, the first of which says what it is"),
        (b"sequence: mine\ntitle: [\n", "3:1: malformed YAML: "),
        (b"sequence: mine\n\ttitle: x\n", "2:1: malformed YAML: found character"),
        (b"sequence: mine\ntitle: sch\xf6n\n", "2:11: byte 0xf6 is no UTF-8; save the file as UTF-8 text"),
        (b"sequence: mine\ntitle: a\x07\n", "2:9: malformed YAML: the character U+0007 cannot stand in a text file"),
        (
            b"sequence: mine\ntitle: !!python/object/apply:os.system [touch owned]\n",
            "2:8: `!!python/object/apply:os.system` would construct an object; only plain data",
        ),
        (
            b"sequence: mine\ntitle: &a x\npack: *a\n",
            "2:8: anchors and aliases (`&`, `*`) are not read; write the value out",
        ),
        (b"sequence: mine\ntitle: x\n---\na: 1\n", "3:1: malformed YAML: expected a single document"),
        (b"sequence: mine\npack: " + 100 * b"[" + 100 * b"]", "2:37: nested more than 30 levels deep"),
        (b"a: " + 1_000 * b"[", "1:1: malformed YAML: nested more than 30 levels deep"),
        (b"# " + 300_000 * b"x", "1:1: has 300002 bytes; expected at most 200000"),
        (b"%YAML 1.1\n---\nsequence: mine\n", "1:1: directives (`%`) are not read; the file is YAML 1.2"),
        (b"pack: bali48\n", "1:1: the first key is `pack`; a sequence file begins with `sequence: <name>`"),
    ],
)
def test_what_is_no_plain_yaml_is_refused(raw: bytes, message: str, refused: Refused) -> None:
    Path("mine.yaml").write_bytes(raw)
    [said] = refused(*run_of())
    assert said.startswith(f"mine.yaml:{message}")


def test_a_folder_is_no_file(refused: Refused) -> None:
    Path("mine.yaml").mkdir()
    assert refused(*run_of()) == ["mine.yaml:1:1: is a folder; expected a YAML file"]
    assert refused("check", "mine.yaml") == ["mine.yaml:1:1: is a folder; expected a YAML file"]
