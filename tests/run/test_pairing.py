"""A line on which each question gets the answer to the one before it is never held against the pack, nor for it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from bench_runs import Ran, rig

from station.actions.stage import Stage
from station.run.pairing import Pairing


def run_crossed_at(step: str, folder: Path, **faults: float) -> Ran:
    with rig() as bench:
        for name, value in faults.items():
            bench.twin.set(name.replace("__", "."), value)
        bench.at(step, lambda: bench.twin.set("lines.rs485_a.one_behind", True))
        return bench.run(folder)


@pytest.mark.parametrize(
    "step", ["start", "identity", "standby", "resistance", "charge-trips", "full-current", "reset"]
)
def test_a_crossed_line_is_the_benchs_fault_wherever_it_begins(step: str, tmp_path: Path) -> None:
    ran = run_crossed_at(step, tmp_path)
    assert ran.record.verdict == "ERROR", ran.record.reason


def test_what_a_crossed_line_says_of_a_bad_pack_does_not_count(tmp_path: Path) -> None:
    ran = run_crossed_at("standby", tmp_path, bms__adc__pack_voltage_gain=1.02)
    assert ran.record.verdict == "ERROR", ran.record.reason
    assert "each question on rs485_a gets the answer to the one before it" in ran.record.reason
    assert ran.measurement("standby/readings-at-rest/pack_voltage_error").verdict == "FAIL"


@pytest.mark.parametrize(
    ("fault", "verdict"), [("slow-answers", "PASS"), ("foreign-frames", "PASS"), ("late-answers", "FAIL")]
)
def test_late_answers_and_foreign_frames_are_no_crossed_line(fault: str, verdict: str, tmp_path: Path) -> None:
    with rig([fault]) as bench:
        ran = bench.run(tmp_path)
    assert ran.record.verdict == verdict, ran.record.reason


def test_a_good_line_is_never_asked_for_proof(tmp_path: Path) -> None:
    with rig() as bench:
        asked = list[str]()
        bench.scopes.progress = lambda: asked.extend(
            scope.name for scope in bench.scopes._stack if "pair" in scope.name
        )
        ran = bench.run(tmp_path)
    assert ran.record.verdict == "PASS"
    assert not asked


def test_a_line_that_was_never_opened_is_in_no_doubt_and_stays_closed() -> None:
    bench = SimpleNamespace(opened=lambda name: None)
    pairing = Pairing(cast(Stage, SimpleNamespace(bench=bench, port_name="rs485_a")), first=0)
    assert not pairing.in_doubt()
    pairing.prove()
