"""What is typed wrongly is refused before anything is energised: one clear line, status 2, nothing left behind."""

from __future__ import annotations

from pathlib import Path

import pytest
from bad_input import Refused, run_of

from station.cli.main import status


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


def test_a_purpose_that_is_misspelt_is_refused(refused: Refused) -> None:
    [said] = refused(*run_of("eol"), "--purpose", "produciton")
    assert said == "--purpose: `produciton` is not known here; did you mean `production`?"


def test_a_seed_is_not_less_than_nothing(refused: Refused) -> None:
    [said] = refused(*run_of("eol"), "--seed=-1")
    assert said.startswith("Invalid value for '--seed'")


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


@pytest.mark.usefixtures("own_folder")
@pytest.mark.parametrize("arguments", [["run"], ["run", "eol"], ["nonsense"], [*run_of("eol"), "--time", "tomorrow"]])
def test_wrong_usage_of_the_command_exits_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert status(arguments) == 2
    assert "Traceback" not in capsys.readouterr().err
    assert not Path("data").exists()
