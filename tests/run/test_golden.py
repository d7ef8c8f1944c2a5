"""The golden pack: when it fails the bench is not good, and tests no product until the golden pack passes there."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from bench_runs import SERIAL, Ran, rig

from station.model.bench import Bench, GoldenPack
from station.model.quantity import Quantity
from station.model.verdict import Verdict
from station.run.golden import GOLDEN, held_against_bench, why_bench_not_free
from station.run.history import PRODUCTION, Wanted

GOLD = "BALI48-900001"


def run(data: Path, *faults: str, purpose: str = GOLDEN, serial_number: str = GOLD, stop: bool = False) -> Ran:
    with rig(faults, serial_number=serial_number) as bench:
        bench.purpose = purpose
        if stop:
            bench.at("identity", lambda: bench.scopes.stop("by hand"))
        return bench.run(data)


@pytest.fixture(scope="module")
def bench() -> Bench:
    with rig() as found:
        return found.plan.bench


@pytest.fixture(scope="module")
def failed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Ran]:
    data = tmp_path_factory.mktemp("failed")
    return data, run(data, "key-actuator-dead")


@pytest.fixture(scope="module")
def passed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Ran]:
    data = tmp_path_factory.mktemp("passed")
    return data, run(data)


def why(data: Path, bench: Bench, purpose: str = PRODUCTION, serial: str = SERIAL, now: datetime | None = None) -> str:
    wanted = Wanted("eol", purpose, "")
    return why_bench_not_free(data, bench, 1, wanted, serial, simulated=False, now=now or datetime.now(UTC))


def test_a_golden_pack_that_fails_is_an_error_of_the_bench_with_what_failed(failed: tuple[Path, Ran]) -> None:
    record = failed[1].record
    assert record.verdict == "ERROR"
    assert record.reason.startswith("start: ")
    assert record.reason.endswith("the golden pack is good, so the bench is not")
    assert record.steps[0].verdict == "FAIL", "the evidence stays what it is"


@pytest.mark.parametrize("purpose", [PRODUCTION, "retest", "rework"])
def test_after_it_no_product_is_tested_on_that_bench(failed: tuple[Path, Ran], purpose: str) -> None:
    data, golden = failed
    record = run(data, purpose=purpose, serial_number=SERIAL).record
    assert record.verdict == "BLOCKED"
    assert golden.record.run in record.reason
    assert f"--serial {GOLD} --purpose golden" in record.reason


def test_the_golden_pack_frees_the_bench_by_passing_and_by_nothing_less(tmp_path: Path, bench: Bench) -> None:
    run(tmp_path, "key-actuator-dead")
    run(tmp_path, stop=True)
    assert why(tmp_path, bench)
    run(tmp_path)
    assert why(tmp_path, bench) == ""


def test_only_a_bench_that_asks_for_it_needs_a_golden_run_every_so_often(
    passed: tuple[Path, Ran], tmp_path: Path, bench: Bench
) -> None:
    data, golden = passed
    asking = bench.model_copy(update={"golden_pack": GoldenPack(serial=GOLD, every=Quantity(24.0, "h"))})
    began = datetime.fromisoformat(golden.record.started_at)
    assert why(tmp_path, bench) == ""
    assert "there was none yet" in why(tmp_path, asking)
    assert why(data, asking, now=began + timedelta(hours=23)) == ""
    assert "every 24 h" in why(data, asking, now=began + timedelta(hours=25))
    assert why(data, asking, now=began - timedelta(hours=1)), "a clock that was set back makes nothing younger"
    assert why(data, asking, GOLDEN, GOLD, began + timedelta(hours=25)) == ""


def test_what_another_bench_or_slot_or_the_twin_found_counts_for_nothing(
    failed: tuple[Path, Ran], bench: Bench
) -> None:
    data, _ = failed
    assert why(data, bench)
    assert why(data, bench.model_copy(update={"bench": "other"})) == ""
    wanted = Wanted("eol", PRODUCTION, "")
    now = datetime.now(UTC)
    assert why_bench_not_free(data, bench, 2, wanted, SERIAL, simulated=False, now=now) == ""
    assert why_bench_not_free(data, bench, 1, wanted, SERIAL, simulated=True, now=now) == ""


def test_another_pack_is_not_tested_as_the_golden_one(bench: Bench, tmp_path: Path) -> None:
    assert "is no golden pack" in why(tmp_path, bench, GOLDEN, SERIAL)
    assert "is none" in why(tmp_path, bench.model_copy(update={"golden_pack": None}), GOLDEN, SERIAL)


def test_only_a_failure_under_that_purpose_is_held_against_the_bench() -> None:
    assert held_against_bench(PRODUCTION, Verdict.FAIL, "x") == (Verdict.FAIL, "x")
    assert held_against_bench(GOLDEN, Verdict.ABORTED, "x") == (Verdict.ABORTED, "x")
    assert held_against_bench(GOLDEN, Verdict.PASS, "") == (Verdict.PASS, "")
