"""A bad pack, bench or fault file is refused before anything is energised: one line with its place, status 2."""

from __future__ import annotations

from pathlib import Path

import pytest
from bad_input import HERE, SEQUENCE, Refused, changed, library_file, run_of

from station.cli.main import status

FAULT = "fault: mine\ntitle: A fault\nclass: pack\nchange: {bms.key.dead: true}\n"


def test_the_name_in_a_file_of_the_library_is_that_of_the_file(refused: Refused) -> None:
    path, place = library_file("benches", "simulated", "bench: simulated", "bench: ^other")
    message = f"{path}:{place}: says that it is `other`, and the file is called `simulated`"
    assert refused(*run_of("eol")) == [message]
    assert refused("check", path) == [message]


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
    seen = "{by: switch, inputs: {RUN: 301.0, ALM: 301.1, L1: 301.2, L2: 301.3, L3: 301.4, L4: 301.5}}"
    library_file("benches", "simulated", seen, "{by: operator}")
    Path("mine.yaml").write_text(SEQUENCE, "utf-8")
    assert refused(*run_of())[0].startswith("mine.yaml:5:5: step `start`: bench simulated has no lamps; ")


def test_a_current_beyond_the_envelope_is_refused_at_the_step(refused: Refused) -> None:
    library_file("benches", "simulated", "charge_current: 95 A", "charge_current: 15 A")
    Path("mine.yaml").write_text(SEQUENCE, "utf-8")
    said = refused(*run_of())
    assert said[0] == (
        "mine.yaml:17:5: step `charging`: `charge: standard` is 20 A, and the envelope of bench simulated allows 15 A"
    )


@pytest.mark.parametrize("command", ["check", "run"])
def test_a_state_that_changes_what_the_twin_does_not_have_is_refused(command: str, refused: Refused) -> None:
    text = 'twin: mine\ntitle: Mine\nsoc: 90 %\nchange:\n  bms.key.daed: true\n  "cells.r0[17]": times 3\n'
    Path("mine.yaml").write_text(text, "utf-8")
    said = refused("check", "mine.yaml") if command == "check" else refused(*run_of("eol"), "--twin", "mine.yaml")
    assert said == [
        "mine.yaml:5:17: the twin has no parameter `daed` there; did you mean `dead`?",
        "mine.yaml:6:19: `cells.r0[17]`: there is no element 17; they count from 1",
    ]


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
