"""YAML files: plain data with places, faults in the words of the file, and nothing that makes the reader fall over."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import Field

from station.cli.check import _CHECKS
from station.model.files import Fault, InvalidFile, Model, build, nearest, one_line, parse, shown
from station.model.library import Library
from station.run.checking import Files

ROOT = Path(__file__).parents[2]
OURS = ("sequences/eol.yaml", "fixtures/packs/bali48.yaml", "fixtures/benches/simulated.yaml")
FILE = Path("file.yaml")


def refusals(read: Callable[[], object]) -> tuple[Fault, ...]:
    """The faults for which something is refused; none if it is not. Whatever else is raised fails the test."""
    try:
        read()
    except InvalidFile as error:
        return error.faults or (Fault("", 0, 0, "refused without a fault"),)
    return ()


def are_in(faults: tuple[Fault, ...], lines: int) -> bool:
    return all(1 <= fault.line <= lines and fault.column >= 1 and str(fault).isprintable() for fault in faults)


# ------------------------------------------------------------------------------------------------ plain data


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", "yes"),
        ("on", "on"),
        ("true", True),
        ("TRUE", True),
        ("~", None),
        ("", None),
        ("12", 12),
        ("-1_000", -1000),
        ("0x1F", 31),
        ("0100", "0100"),
        ("1:30", "1:30"),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        (".inf", ".inf"),
        (".nan", ".nan"),
        ("1e999", "1e999"),
        ("2027-03-31", "2027-03-31"),
        ("'12'", "12"),
        ("!!str 12", "12"),
        ("=", "="),
        ("<<", "<<"),
    ],
)
def test_scalars_are_read_as_yaml_1_2_and_numbers_are_finite(text: str, value: object) -> None:
    assert parse(f"a: {text}\n".encode(), FILE).data == {"a": value}


def test_places_are_those_of_values_and_names_of_parts() -> None:
    document = parse(b"\xef\xbb\xbfa: 1\nb: {c: [x, y]}\nd:\n  - e: 5\n", FILE)
    where = {
        ("a",): (1, 4),
        ("a", "[key]"): (1, 1),
        ("b",): (2, 1),
        ("b", "c", 1): (2, 12),
        ("b", "c", "y"): (2, 12),
        ("d", 0): (4, 5),
        ("d", 0, "e"): (4, 8),
    }
    assert {at: document.places[at] for at in where} == where
    assert document.fault(("d", 0, "missing"), "x").line == 4
    assert (document.fault(("a", 0, "z"), "x").line, document.fault(("a", 0, "z"), "x").column) == (1, 4)


@given(st.binary(max_size=400))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    assert are_in(refusals(lambda: parse(raw, FILE)), len(raw) + 1)


WORDS = (
    *(
        "a",
        ": ",
        "\n",
        "  ",
        "- ",
        "[",
        "]",
        "{",
        "}",
        ", ",
        "&x ",
        "*x",
        "!!int ",
        "!t ",
        "'",
        '"',
        "|",
        ">",
        "#",
        "? ",
    ),
    *("%YAML 1.1", "---", "...", "1", "\t", "é", "\\", "0o9", "1e", "~", "<<", "\u2028", "\x85", "\x00", "@", "`"),
)
YAML_SOUP = st.lists(st.sampled_from(WORDS), max_size=40)


@given(YAML_SOUP)
@settings(max_examples=400)
def test_any_soup_of_yaml_is_read_or_refused_at_a_line_that_exists(soup: list[str]) -> None:
    assert are_in(refusals(lambda: parse("".join(soup).encode(), FILE)), len(soup) + 1)


def _check(path: Path) -> None:
    document = parse(path.read_bytes(), path)
    kind = next(iter(document.data), "")
    if kind in _CHECKS:
        _CHECKS[kind](document, Files(Library((ROOT,))))


def _mutated(text: str, dice: random.Random) -> str:
    """The text with one to three small accidents: a word exchanged, deleted or doubled, a character typed wrongly."""
    words = sorted(set(text.replace(":", " ").replace(",", " ").split()))
    for _ in range(dice.randint(1, 3)):
        at = dice.randrange(len(text))
        end = min(len(text), at + dice.randint(1, 12))
        accident = dice.choice(("delete", "double", "type", "exchange", "character"))
        new = {
            "delete": "",
            "double": 2 * text[at:end],
            "type": dice.choice(words),
            "exchange": f" {dice.choice(words)} ",
            "character": dice.choice(":,[]{}#&*!|>'\"%@-? \n\t0Vé"),
        }[accident]
        text = text[:at] + new + text[at if accident == "type" else end :]
    return text


@pytest.mark.parametrize("name", OURS)
def test_accidents_in_our_own_files_check_or_are_faults_in_lines_that_exist(name: str, tmp_path: Path) -> None:
    path = tmp_path / Path(name).name
    text = (ROOT / name).read_text("utf-8")
    dice = random.Random(name)
    for _ in range(12 if "packs" in name else 40):
        spoilt = _mutated(text, dice)
        path.write_text(spoilt, "utf-8", newline="")
        faults = refusals(lambda: _check(path))
        assert are_in(tuple(each for each in faults if each.path == str(path)), spoilt.count("\n") + 2), faults


@given(st.binary(max_size=200), st.sampled_from(["sequence", "pack", "bench", "protocol", "twin", "fault", "report"]))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_behind_a_first_key_check_or_are_refused(tmp_path: Path, raw: bytes, kind: str) -> None:
    path = tmp_path / "any.yaml"
    path.write_bytes(f"{kind}: any\n".encode() + raw)
    assert all(fault.message for fault in refusals(lambda: _check(path)))


# ------------------------------------------------------------------------------------------------ faults of form


class Inner(Model):
    """A part with two names."""

    needed: str
    chosen: Literal["this", "that"] = "this"


class Form(Model):
    """A file of the tests."""

    name: str
    count: int = 0
    parts: dict[str, Inner] = Field(default_factory=dict)
    either: str | dict[str, str] | None = None
    mode: Literal["on", "off"] | Inner | None = None
    pair: tuple[str, str] = ("a", "b")


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ("name: x", []),
        ("name: 5", ["1:7: `name`: found `5`, expected a text (put a number in quotes)"]),
        ("name: [x]", ["1:1: `name`: found a list, expected a text"]),
        ("name:", ["1:1: `name`: found nothing, expected a text"]),
        ("count: 1", ["1:1: `name` is missing"]),
        ("nam: x", ["1:1: unknown name `nam`; did you mean `name`?"]),
        ("name: x\ncount: many", ["2:8: `count`: found `many`, expected a whole number"]),
        ("name: x\ncount: 1.5", ["2:8: `count`: found `1.5`, expected a whole number"]),
        (
            "name: x\nparts:\n  a: {needed: x, chosen: thix}",
            ["3:26: `chosen`: found `thix`, expected `this` or `that`; did you mean `this`?"],
        ),
        ("name: x\nparts:\n  a: {need: x}", ["3:7: unknown name `need`; did you mean `needed`?"]),
        (
            "name: x\nparts:\n  a: {zzz: x}",
            ["3:3: `needed` is missing", "3:7: unknown name `zzz`; known: chosen, needed"],
        ),
        ("name: x\nparts: {a: b}", ["2:12: `a`: found `b`, expected `name: value` lines"]),
        ("name: x\neither: [a]", ["2:1: `either`: found a list, expected a text or `name: value` lines"]),
        ("name: x\neither: {a: 5}", ["2:13: `a`: found `5`, expected a text (put a number in quotes)"]),
        (
            "name: x\nmode: of",
            ["2:7: `mode`: found `of`, expected `on` or `off` or `name: value` lines; did you mean `off`?"],
        ),
        ("name: x\nmode: {neded: x}", ["2:8: unknown name `neded`; did you mean `needed`?"]),
        ("name: x\npair: [a]", ["2:1: `pair`: expected one more"]),
        ("name: x\npair: [a, b, c]", ["2:1: `pair`: found a list, expected at most 2"]),
        ("name: x\npair: a", ["2:7: `pair`: found `a`, expected a list"]),
    ],
)
def test_misfits_are_told_in_the_words_of_the_file(text: str, faults: list[str]) -> None:
    found = refusals(lambda: build(parse(text.encode(), FILE), Form))
    assert [str(fault).removeprefix("file.yaml:") for fault in found] == faults


def test_the_nearest_name_is_offered_or_the_few_that_there_are() -> None:
    assert nearest("suply", ["supply", "load"]) == "; did you mean `supply`?"
    assert nearest("xyz", ["b", "a"]) == "; known: a, b"
    assert nearest("xyz", map(str, range(31))) == ""
    assert nearest("xyz", []) == ""


@given(st.text())
def test_a_message_stays_in_its_line_and_a_quotation_is_short(text: str) -> None:
    assert one_line(text).isprintable()
    assert len(shown(text)) <= 62
