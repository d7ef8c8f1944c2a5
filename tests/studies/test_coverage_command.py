"""`station coverage` as a person types it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from station.cli.main import status

FEW = ["coverage", "eol", "--seeds", "1", "--jobs", "1"]
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
