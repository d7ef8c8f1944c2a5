"""The safe state is what the bench shows, not what it was told."""

from __future__ import annotations

from pathlib import Path

from bench_runs import Ran, rig


def stopped(tmp_path: Path, *, welded: bool) -> Ran:
    """The operator stops the run at full current; the contactor may have welded by then."""
    with rig() as bench:

        def stop() -> None:
            bench.twin.circuit.main.stuck = "closed" if welded else None
            bench.scopes.stop("stopped by the operator")

        bench.at("full-current", stop)
        return bench.run(tmp_path)


def test_a_contactor_that_welded_during_a_run_is_no_safe_state(tmp_path: Path) -> None:
    record = stopped(tmp_path, welded=True).record
    assert record.verdict == "ERROR"
    assert "contactor: 50." in record.reason
    assert "behind it though it is open: it is welded" in record.reason
    assert record.safe_state.startswith("NOT PROVEN")
    assert record.thresholds == "restored and read back"


def test_a_contactor_that_opens_is_one(tmp_path: Path) -> None:
    record = stopped(tmp_path, welded=False).record
    assert record.verdict == "ABORTED"
    assert "contactor open" in record.safe_state
