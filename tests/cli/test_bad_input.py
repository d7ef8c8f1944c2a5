"""Bad input is refused before anything is energised: one clear line with its place, status 2, nothing left behind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from station.cli.main import status

HERE = Path(__file__).parents[2]
SERIAL = "BALI48-000001"
SEQUENCE = """\
sequence: mine
title: A short test
pack: [bali48]
steps:
  - step: start
    gate: true
    press_key: start
    expect: {lamps: lamp_test}
  - step: window
    measure: [polarity, terminal_voltage]
    limit: {terminal_voltage: factory_window}
  - step: standby
    expect: {lamps: standby, for: 2 periods}
    meanwhile:
      - step: contacts
        expect: {contacts: healthy}
  - step: charging
    under: {charge: standard}
    measure: current_error
  - step: trip
    under: {charge: standard}
    trip: cell_overvoltage
    by: shift
    expect: {released: after_restore}
"""

Refused = Callable[..., list[str]]


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str]) -> Refused:
    """Carries a command out, sees that it is refused and leaves nothing behind, and returns what it said in lines."""

    def run(*arguments: str) -> list[str]:
        before = {path for path in Path().rglob("*") if path.is_file()}
        assert status(list(arguments)) == 2
        said = capsys.readouterr()
        assert "Traceback" not in said.err + said.out
        assert said.out == ""
        assert {path for path in Path().rglob("*") if path.is_file()} == before
        return said.err.splitlines()

    return run


def run_of(sequence: str = "mine.yaml", *, bench: str = "simulated", serial: str = SERIAL) -> list[str]:
    return ["run", sequence, "--serial", serial, "--bench", bench, "--data", "data"]


def changed(text: str, old: str, new: str) -> tuple[str, str]:
    """The text with its first `old` replaced; the mark `^` in `new` is the place that is returned as `line:column`."""
    assert old in text
    before, _, after = text.partition(old)
    up_to = before + new.partition("^")[0]
    place = f"{up_to.count(chr(10)) + 1}:{len(up_to.rpartition(chr(10))[2]) + 1}"
    return before + new.replace("^", "") + after, place


def library_file(kind: str, name: str, old: str, new: str) -> tuple[str, str]:
    """A file of the library, changed, in the working directory where it comes first; its name and the place."""
    text, place = changed((HERE / f"fixtures/{kind}/{name}.yaml").read_text("utf-8"), old, new)
    path = Path(f"fixtures/{kind}/{name}.yaml")
    path.parent.mkdir(parents=True)
    path.write_text(text, "utf-8")
    return str(path), place


def test_the_sequence_that_these_tests_spoil_is_good(capsys: pytest.CaptureFixture[str]) -> None:
    Path("mine.yaml").write_text(SEQUENCE, "utf-8")
    assert status(["check", "mine.yaml"]) == 0
    assert capsys.readouterr().out == "1 file checked, nothing wrong\n"


# ------------------------------------------------------------------------------------------------ sequences

NO_NUMBER = "no number stands in a sequence; name a row of the pack file"
NO_QUANTITY = "no number with a unit stands in a sequence; name a row of the pack file"


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
    [said] = refused(*run_of())
    assert said.startswith(f"mine.yaml:{place}: {message}")


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


# ------------------------------------------------------------------------------------------------ files as such


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


def test_a_missing_file_is_named_with_the_nearest_one(refused: Refused) -> None:
    assert refused(*run_of("eolo")) == ["sequences/eolo.yaml:1:1: there is no sequence `eolo`; did you mean `eol`?"]
    assert refused(*run_of("eol.yaml")) == ["eol.yaml:1:1: there is no such sequence file; did you mean `eol`?"]
    assert refused(*run_of("eol", bench="simulatd")) == [
        "fixtures/benches/simulatd.yaml:1:1: there is no bench `simulatd`; did you mean `simulated`?"
    ]
    assert refused(*run_of("eol"), "--twin", "factory") == [
        "fixtures/twins/factory.yaml:1:1: there is no twin `factory`; did you mean `factory_fresh`?"
    ]
    [said] = refused(*run_of("eol"), "--fault", "welded-discharge-fett")
    assert said.startswith(
        "fixtures/faults/welded-discharge-fett.yaml:1:1: there is no fault `welded-discharge-fett`; "
    )
    assert refused("check", "no.yaml") == ["no.yaml:1:1: cannot be read: No such file or directory"]


def test_a_name_with_control_characters_stays_in_one_line(refused: Refused) -> None:
    [said] = refused(*run_of("eol", bench="a\nb\x00"))
    assert "there is no bench `a\\nb\\x00`" in said


def test_the_name_in_a_file_of_the_library_is_that_of_the_file(refused: Refused) -> None:
    path, place = library_file("benches", "simulated", "bench: simulated", "bench: ^other")
    message = f"{path}:{place}: says that it is `other`, and the file is called `simulated`"
    assert refused(*run_of("eol")) == [message]
    assert refused("check", path) == [message]


# ------------------------------------------------------------------------------------------------ packs


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("is: 51.5 V to 53.5 V", "is: ^51.5 to 53.5", "`is`: `53.5` has no unit, such as `51.5 V`"),
        (
            "is: 51.5 V to 53.5 V",
            "is: ^51 to 53",
            "`51 to 53`: terminal_voltage is measured in V, and this is a number without",
        ),
        ("is: 51.5 V to 53.5 V", "is: ^51.5", "`is`: `51.5` has no unit, such as `51.5 V`"),
        (
            "is: 51.5 V to 53.5 V",
            "is: ^51.5 A to 53.5 A",
            "`51.5 A to 53.5 A`: terminal_voltage is measured in V, and this is measured in A",
        ),
        (
            "is: 51.5 V to 53.5 V",
            "is: ^51.5 V to 53.5 A",
            "`is`: `51.5 V` is a voltage, expected a current, such as `1 A`",
        ),
        (
            "is: 51.5 V to 53.5 V",
            "is: ^53.5 V to 51.5 V",
            "`is`: `53.5 V to 51.5 V`: the lower limit is above the upper one",
        ),
        ("is: 51.5 V to 53.5 V", "is: ^51.5 volts to 53.5 volts", "`is`: unknown unit `volts`; known units: V, mV"),
        ("is: 51.5 V to 53.5 V", "is: ^high", "`high`: terminal_voltage is measured in V, and this is a word"),
        ("is: positive", "is: ^1 V", "`1 V`: polarity is a word, and this is measured in V"),
        ("proves: [6.6-01]}", "proves: [^6.6-99]}", "`6.6-99` is none of the requirements of this file; did you mean"),
        (
            "release: 3.380 V",
            "release: ^3.800 V",
            "cell_overvoltage.release (3.8 V) must be below cell_overvoltage.trip (3.7 V)",
        ),
        ("trip: 3.700 V", "trip: ^3.700 A", "`trip`: `3.7 A` is a current, expected a voltage"),
        ("standard: 20 A", "standard: ^20 V", "`standard`: `20 V` is a voltage, expected a current, such as `1 A`"),
        ("start: 3.5 s", "start: ^3.5", "`start`: `3.5` has no unit, such as `1 s`"),
        (
            "flash1: 0.25 s lit 3.75 s dark",
            "flash1: ^fast",
            "`flash1`: `fast` is no way to flash; write `0.25 s lit 3.75 s dark`",
        ),
        ("pattern: 'BALI48-", "pattern: ^'(BALI48-", "`pattern`: `(BALI48-"),
        (
            "safety: guard U",
            "safety: ^guard",
            "`safety`: `guard` is no decision rule; write `guard U` or `guard 0.83 U`",
        ),
        (
            "proves: [6.6-02, 6.2-01], safety: true",
            "proves: [6.6-02, 6.2-01], safety: ^yes",
            "`safety`: found `yes`, expected true or false",
        ),
        ("cells: 15", "cells: ^fifteen", "`cells`: found `fifteen`, expected a whole number"),
        ("cells: 15", "cells: ^17", "`cells`: found `17`, expected at most 16"),
        ("{name: pace-modbus", "{name: ^pace-modbuss", ""),
    ],
)
def test_a_wrong_row_of_a_pack_file_is_shown_where_it_stands(
    old: str, new: str, message: str, refused: Refused
) -> None:
    path, place = library_file("packs", "bali48", old, new)
    Path("mine.yaml").write_text(SEQUENCE, "utf-8")
    said = refused(*run_of())
    if message:
        assert any(line.startswith(f"{path}:{place}: {message}") for line in said), said
    else:
        assert said == [
            "fixtures/protocols/pace-modbuss.yaml:1:1: there is no protocol `pace-modbuss`; did you mean `pace-modbus`?"
        ]
    assert len(said) == 1 or "trip" in new


# ------------------------------------------------------------------------------------------------ benches


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("    key: ", "    ^kee: ", "unknown role `kee`; did you mean `key`?"),
        (
            "chroma-62050p-100-100",
            "^chroma-62050p",
            "unknown model `chroma-62050p`; did you mean `chroma-62050p-100-100`?",
        ),
        ("chroma-62050p-100-100", "^keysight-34465a", "a keysight-34465a cannot be the supply"),
        ("output: 201,", "output: ^20, ", "`output`: `20` is no channel; write `201`, or `301.3` for a bit"),
        (
            "{by: switch, output: 202}",
            "{by: ^swich, output: 202}",
            "`swich` is no instrument of this slot; did you mean `switch`?",
        ),
        ("key:         {by: switch, output: 202}", "^key:         {by: switch}", "role `key`: `output` is missing"),
        (
            "key:         {by: switch, output: 202}",
            "^key:         {at: COM1}",
            "role `key`: expected `by: ...`, which says what fills it",
        ),
        (
            "key:         {by: switch, output: 202}",
            "^key:         {by: switch, output: 201}",
            "channel `201` of `key` is that of `contactor` already",
        ),
        (
            "envelope: {voltage: 57 V",
            "envelope: {voltage: ^57 A",
            "`voltage`: `57 A` is a current, expected a voltage, such as `1 V`",
        ),
        (
            "charge_current: 95 A",
            "charge_current: ^120 A",
            "`charge_current`: 120 A is beyond the 100 A of the supply (chroma-62050p-100-100)",
        ),
        ("charge_power: 5 kW", "charge_power: ^6 kW", "`charge_power`: 6000 W is beyond the 5000 W of the supply"),
        (", charge_power: 5 kW", "", "`charge_power`: 5415 W is beyond the 5000 W of the supply"),
        ("{voltage: 57 V", "{voltage: ^0 V", "`voltage`: `0 V` must be more than nothing"),
        (
            "{voltage: 0.004 % + 0.6 mV}",
            "{voltage: ^0.004 % + 0.6 mA}",
            "the uncertainty of a voltage is a voltage itself, and this is a current",
        ),
        (
            "  voltmeter:   {voltage: 0.004",
            "  ^voltmetre:   {voltage: 0.004",
            "`voltmetre` is no role of this bench; did you mean `voltmeter`?",
        ),
        ("address: 1,", "address: ^16,", "`address`: found `16`, expected at most 15"),
        ("ratio: 200 uOhm", "ratio: ^200", "`ratio`: `200` has no unit, such as `1 Ohm`"),
    ],
)
def test_a_wrong_entry_of_a_bench_file_is_shown_where_it_stands(
    old: str, new: str, message: str, refused: Refused
) -> None:
    path, place = library_file("benches", "simulated", old, new)
    Path("mine.yaml").write_text(SEQUENCE, "utf-8")
    [said] = refused(*run_of())
    assert said.partition(": ")[2].startswith(message)
    assert said.startswith(f"{path}:{place}: ") or "^" not in new


def test_a_calibration_date_that_is_none_is_refused(refused: Refused) -> None:
    for wrong in ("soon", "31.3.2027", "20", "2027-02-30"):
        text, place = changed(
            (HERE / "fixtures/benches/line-1.yaml").read_text("utf-8"), "until: 2027-03-31", f"until: ^{wrong}"
        )
        Path("line-1.yaml").write_text(text, "utf-8")
        assert refused(*run_of("eol", bench="line-1.yaml")) == [
            f"line-1.yaml:{place}: `calibrated_until`: `{wrong}` is no date; write it as `2027-03-31`"
        ]


def test_a_role_that_a_step_needs_and_the_bench_lacks_is_refused_at_the_step(refused: Refused) -> None:
    library_file("benches", "simulated", "    contacts:    {by", "    address_switch: {by")
    text = (
        Path("fixtures/benches/simulated.yaml").read_text("utf-8").replace("  contacts:    {res", "  case:        {res")
    )
    text = text.replace("  case:        {voltage", "  case:        {resistance: 1 %, voltage")
    text = "".join(
        line for line in text.splitlines(keepends=True) if "case:        {res" not in line or "voltage" in line
    )
    Path("fixtures/benches/simulated.yaml").write_text(text, "utf-8")
    Path("mine.yaml").write_text(SEQUENCE, "utf-8")
    assert refused(*run_of()) == [
        "mine.yaml:15:9: step `contacts`: bench simulated has no contacts; "
        "write `optional: <reason>` to leave the step out"
    ]
    Path("mine.yaml").write_text(SEQUENCE.replace("step: contacts", "step: contacts\n        optional: none"), "utf-8")
    assert status(["plan", "mine.yaml", "--bench", "simulated"]) == 0


def test_a_role_that_only_a_person_fills_is_no_role_yet(refused: Refused) -> None:
    library_file("benches", "simulated", "{by: switch, output: 202}", "{by: operator}")
    Path("mine.yaml").write_text(SEQUENCE, "utf-8")
    [said] = refused(*run_of())
    assert said.startswith("mine.yaml:5:5: step `start`: bench simulated has no key; ")


def test_a_current_beyond_the_envelope_is_refused_at_the_step(refused: Refused) -> None:
    library_file("benches", "simulated", "charge_current: 95 A", "charge_current: 15 A")
    Path("mine.yaml").write_text(SEQUENCE, "utf-8")
    said = refused(*run_of())
    assert said[0] == (
        "mine.yaml:17:5: step `charging`: `charge: standard` is 20 A, and the envelope of bench simulated allows 15 A"
    )


def test_a_slot_that_the_bench_does_not_have_is_refused(refused: Refused) -> None:
    assert refused(*run_of("eol"), "--slot", "2") == ["--slot:1:1: bench simulated has no slot 2; it has 1"]


@pytest.mark.parametrize(
    "option",
    [
        ("--twin", "factory_fresh"),
        ("--fault", "dead-led"),
        ("--seed", "1"),
        ("--seed", "0"),
        ("--time", "virtual"),
    ],
)
def test_nothing_simulated_goes_with_a_real_bench(option: tuple[str, str], refused: Refused) -> None:
    [said] = refused(*run_of("eol", bench="line-1"), *option)
    assert said.endswith("is for a simulated bench; line-1 is a real one")
    assert said.startswith(option[0])


# ------------------------------------------------------------------------------------------------ faults of the twin

FAULT = "fault: mine\ntitle: A fault\nclass: pack\nchange: {bms.key.dead: true}\n"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("bms.key.dead: true", "bms.key.daed: ^true", "the twin has no parameter `daed` there; did you mean `dead`?"),
        ("bms.key.dead: true", "bms.key.dead: ^5 V", "`bms.key.dead` does not take `5 V`; it is False now"),
        ("bms.key.dead: true", "bms.key.start: ^5 parsec", "`bms.key.start`: unknown unit `parsec`"),
        ("bms.key.dead: true", "bms.lamps.RUN: ^drak", "`bms.lamps.RUN` does not take `drak`; did you mean `dark`?"),
        (
            "class: pack",
            "class: ^pakc",
            "`class`: found `pakc`, expected `pack`, `bench`, `line`, `operator` or `pc`; did you",
        ),
        ("title: A fault", "title: ^5", "`title`: found `5`, expected a text (put a number in quotes)"),
        ("class: pack", "class: pack\n^when: {}", "say when: `at`, `step`, `while`, `once` or `for`; without"),
        ("class: pack", "class: pack\nwhen: {at: ^5}", "`at`: `5` has no unit, such as `1 s`"),
        ("change: {bms.key.dead: true}", "^change: {}", "`change`: found `name: value` lines, expected at least 1"),
    ],
)
def test_a_fault_file_that_the_twin_does_not_take_is_refused(
    old: str, new: str, message: str, refused: Refused
) -> None:
    text, place = changed(FAULT, old, new)
    Path("mine.yaml").write_text(text, "utf-8")
    [said] = refused("check", "mine.yaml")
    assert said.startswith(f"mine.yaml:{place}: {message}")


# ------------------------------------------------------------------------------------------------ what was typed


@pytest.mark.parametrize("serial", ["../x", "a/b", "a\\b", "", "x" * 300, "BALI48-００0001", "BÄLI", ".", "-", "a b"])
def test_a_serial_number_that_could_leave_its_folder_is_refused(serial: str, refused: Refused) -> None:
    [said] = refused(*run_of("eol"), f"--serial={serial}")
    assert said.startswith("--serial: ")
    assert "cannot be a serial number" in said


def test_a_serial_number_of_no_product_of_the_sequence_is_refused(refused: Refused) -> None:
    assert refused(*run_of("eol", serial="BALI48-1")) == [
        r"--serial:1:1: `BALI48-1` is no serial number of bali48 (`BALI48-\d{6}`)"
    ]


def test_a_data_folder_that_cannot_be_written_is_refused(refused: Refused) -> None:
    Path("data").write_text("a file in its place", "utf-8")
    [said] = refused(*run_of("eol"))
    assert said.startswith("data folder data cannot be written: ")


@pytest.mark.parametrize("arguments", [["run"], ["run", "eol"], ["nonsense"], [*run_of("eol"), "--time", "tomorrow"]])
def test_wrong_usage_of_the_command_exits_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert status(arguments) == 2
    assert "Traceback" not in capsys.readouterr().err
    assert not Path("data").exists()
