"""Attempts: every one is kept, and only a PASS makes up for a FAIL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from bench_runs import Ran, rig

from station.actions import measuring
from station.actions.errors import NotFeasible
from station.actions.stage import Reading, Stage

SEQUENCE = """\
sequence: again
title: One step, more than once
pack: bali48
steps:
  - step: rest
    optional: Not today
    attempts: 2
    measure: current_zero
"""


def run(amperes: list[float | None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ran:
    """Run the sequence with a measurement that gives these values in turn; None cannot be measured."""
    values: Iterator[float | None] = iter(amperes)

    def take(stage: Stage) -> Reading:
        value = next(values)
        if value is None:
            raise NotFeasible("not on this pack")
        return Reading(value, "A", 0.01)

    monkeypatch.setitem(dict_of(measuring.MEASURANDS), "current_zero", measuring.Measurand(take))
    path = tmp_path / "again.yaml"
    path.write_text(SEQUENCE, encoding="utf-8")
    with rig(sequence=str(path)) as bench:
        return bench.run(tmp_path)


def dict_of(table: object) -> dict[str, measuring.Measurand]:
    assert isinstance(table, dict)
    return table


@pytest.mark.parametrize(
    ("amperes", "verdict", "kept"),
    [
        ([0.0], "PASS", ["PASS"]),
        ([9.0, 0.0], "PASS", ["FAIL", "PASS"]),
        ([9.0, 8.0], "FAIL", ["FAIL", "FAIL"]),
        ([9.0, None], "FAIL", ["FAIL", "NOT_TESTED"]),
        ([None], "ERROR", ["NOT_TESTED"]),
    ],
)
def test_only_a_pass_makes_up_for_a_failure_and_every_attempt_is_kept(
    amperes: list[float | None], verdict: str, kept: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = run(amperes, tmp_path, monkeypatch)
    assert [step.verdict for step in ran.record.steps] == kept
    assert [step.attempt for step in ran.record.steps] == list(range(1, len(kept) + 1))
    assert ran.record.verdict == verdict, ran.record.reason
