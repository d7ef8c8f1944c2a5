"""`station coverage` as a person types it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from station.cli.coverage import KEPT_EVERY, _keeping
from station.cli.coverage_progress import watched
from station.cli.main import status
from station.clock import VirtualClock
from station.studies.trial import Case, Outcome, Tried
from station.twin.states import State

FEW = ["coverage", "eol", "--seeds", "1", "--jobs", "1"]
STATE = State.model_validate({"twin": "any", "title": "Any", "soc": "90 %"})
LIE = """\
fault: said-to-be-harmless
title: The air switch is off, and somebody expects a PASS
class: operator
change: {pack.breaker.closed: false}
expect: {verdict: PASS}
"""


def test_faults_that_are_caught_leave_a_table_a_file_and_status_0(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "coverage.json"
    assert status([*FEW, "--fault", "breaker-off", "--fault", "dead-led", "--json", str(out)]) == 0
    said = capsys.readouterr().out
    assert "2 faults, 2 as expected, 0 gaps, 0 escaped or wrong; 0 good packs, 0 rejected" in said
    runs = {run["fault"]: run for run in json.loads(out.read_text(encoding="utf-8"))["runs"]}
    assert (runs["dead-led"]["verdict"], runs["dead-led"]["step"]) == ("FAIL", "start")
    assert (runs["breaker-off"]["verdict"], runs["breaker-off"]["outcome"]) == ("BLOCKED", "right")
    assert "L3" in runs["dead-led"]["reason"]
    assert runs["dead-led"]["cpu_s"] > 0


def trial(outcome: Outcome) -> Tried:
    return Tried(Case((), STATE), outcome, None, "", "", 1.0)


def test_where_there_is_no_terminal_a_line_is_said_every_tenth_or_every_half_minute() -> None:
    clock, heard = VirtualClock(), StringIO()

    def trials() -> Iterator[Tried]:
        for number in range(40):
            clock.wait(31.0 if number == 5 else 1.0)
            yield trial(Outcome.ESCAPED if number == 10 else Outcome.RIGHT)

    assert len(list(watched(40, trials(), Console(file=heard), clock))) == 40
    said = heard.getvalue().splitlines()
    assert said[:3] == ["4 of 40 runs, none wrong", "6 of 40 runs, none wrong", "10 of 40 runs, none wrong"]
    assert said[-1] == "38 of 40 runs, 1 wrong"


def test_ctrl_c_ends_it_and_what_is_known_counts() -> None:
    def trials() -> Iterator[Tried]:
        yield trial(Outcome.RIGHT)
        raise KeyboardInterrupt

    assert len(list(watched(2, trials(), Console(file=StringIO()), VirtualClock()))) == 1


def test_a_study_that_dies_leaves_what_it_knew_in_the_file(tmp_path: Path) -> None:
    clock, out = VirtualClock(), tmp_path / "coverage.json"

    def trials() -> Iterator[Tried]:
        for _ in range(3):
            clock.wait(KEPT_EVERY)
            yield trial(Outcome.RIGHT)
        raise MemoryError

    with pytest.raises(MemoryError):
        _keeping(out, trials(), clock)
    assert len(json.loads(out.read_text("utf-8"))["runs"]) == 3
    assert [path.name for path in tmp_path.iterdir()] == ["coverage.json"]


def test_a_file_that_cannot_be_written_is_refused_before_the_first_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert status([*FEW, "--fault", "dead-led", "--json", str(tmp_path / "none" / "coverage.json")]) == 2
    assert "--json: " in capsys.readouterr().err


def test_what_is_not_as_it_must_be_is_told_last_with_status_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lie = tmp_path / "said-to-be-harmless.yaml"
    lie.write_text(LIE, encoding="utf-8")
    assert status([*FEW, "--fault", str(lie)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1].startswith("1 faults, 0 as expected, 0 gaps, 1 escaped or wrong")
    assert any(line.startswith("Escaped, or not as they must be") for line in lines)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--bench", "line-1"], "line-1 is a real bench"),
        (["--fault", "dead-lead"], "did you mean"),
        (["--serial", "../up"], "--serial"),
    ],
)
def test_what_cannot_be_tried_is_wrong_usage(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert status([*FEW, *arguments]) == 2
    assert message in capsys.readouterr().err
