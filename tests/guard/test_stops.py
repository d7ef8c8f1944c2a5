"""Every way to stop a run while current flows, on a bench that outlives it: how fast it is safe, and what is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from stop_bench import STATION, Run, ServedBench, end, served_bench, within

from station.cli.main import status
from station.model.events import GuardActed, MadeSafe
from station.model.record import Record
from station.records import RunFolder, read_journal, run_folders

pytestmark = [
    pytest.mark.skipif(os.name != "posix", reason="signals and terminals of POSIX"),
    pytest.mark.xdist_group("stops"),
]
CAUGHT_WITHIN, UNCAUGHT_WITHIN = 0.5, 2.0
"""Seconds until the outputs are off after a stop that can be caught, and after one that cannot."""
STOPPED = {
    "INT": "stopped by the operator (Ctrl-C)",
    "TERM": "stopped by signal SIGTERM",
    "HUP": "stopped by signal SIGHUP",
    "QUIT": "stopped by signal SIGQUIT",
    "TSTP": "stopped by signal SIGTSTP",
}
AS_CHILD = "import subprocess, sys; run = subprocess.Popen(sys.argv[1:]); print(run.pid, flush=True); run.wait()"
ON_TERMINAL = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"
)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedBench]:
    """A served twin with a pack that is awake."""
    with served_bench(tmp_path_factory.mktemp("bench")) as served:
        yield served


def record_of(folder: RunFolder) -> Record:
    within(15, lambda: folder.certificate.exists() and folder.record.exists())
    return Record.model_validate_json(folder.record.read_bytes())


def assert_finished(run: Run, reason: str) -> None:
    """The run itself has made the bench safe, judged and signed."""
    assert run.ended() == 4
    record = record_of(run.folder)
    assert (record.verdict, record.reason) == ("ABORTED", f"flow: {reason}")
    assert record.safe_state == "load off, supply off, 0.00 A, contactor open, key released"
    assert not run.guarded(GuardActed)
    assert run.eye.safe()


# ---------------------------------------------------------------------------------------------- what can be caught


@pytest.mark.parametrize("name", STOPPED)
def test_a_signal_that_can_be_caught_ends_the_run_with_its_evidence(
    name: str, bench: ServedBench, tmp_path: Path
) -> None:
    with bench.flowing(tmp_path) as run:
        run.send(signal.Signals[f"SIG{name}"])
        within(CAUGHT_WITHIN, bench.eye.safe)
        assert_finished(run, STOPPED[name])


def test_a_stop_while_charging_is_as_safe(bench: ServedBench, tmp_path: Path) -> None:
    with bench.flowing(tmp_path, "charge") as run:
        run.send(signal.SIGTERM)
        within(CAUGHT_WITHIN, bench.eye.safe)
        assert_finished(run, STOPPED["TERM"])


@pytest.mark.parametrize("pause", [0.05, 0.005], ids=["two-in-50-ms", "ten-in-50-ms"])
def test_however_often_one_presses_ctrl_c_the_evidence_is_finished(
    pause: float, bench: ServedBench, tmp_path: Path
) -> None:
    with bench.flowing(tmp_path) as run:
        for _ in range(1 + round(0.05 / pause)):
            run.send(signal.SIGINT)
            with pytest.raises(subprocess.TimeoutExpired):
                run.process.wait(pause)
        within(CAUGHT_WITHIN, bench.eye.safe)
        assert_finished(run, STOPPED["INT"])


def test_ctrl_c_until_the_very_end_changes_nothing(bench: ServedBench, tmp_path: Path) -> None:
    with bench.flowing(tmp_path) as run:
        while run.process.poll() is None:
            run.send(signal.SIGINT, signal.SIGTERM)
        assert_finished(run, STOPPED["INT"])


def test_a_closed_terminal_ends_the_run_with_its_evidence(bench: ServedBench, tmp_path: Path) -> None:
    keyboard, screen = os.openpty()
    command = [sys.executable, "-c", ON_TERMINAL, *bench.command("discharge", tmp_path)]
    with subprocess.Popen(command, stdin=screen, stdout=screen, stderr=screen, start_new_session=True) as process:
        os.close(screen)
        try:
            run = Run(process, tmp_path, bench.eye)
            run.wait_for_current()
            os.close(keyboard)
            within(CAUGHT_WITHIN, bench.eye.safe)
            assert_finished(run, STOPPED["HUP"])
        finally:
            end(process)


def test_the_end_of_the_process_that_started_it_ends_the_run(bench: ServedBench, tmp_path: Path) -> None:
    command = [sys.executable, "-c", AS_CHILD, *bench.command("discharge", tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as starter:
        try:
            run = Run(starter, tmp_path, bench.eye)
            run.wait_for_current()
            starter.kill()
            within(CAUGHT_WITHIN, bench.eye.safe)
            record = record_of(run.folder)
        finally:
            end(starter)
    assert record.reason == "flow: the process that started the run is gone"
    assert not run.guarded(GuardActed)


# ---------------------------------------------------------------------------------------------- what cannot be caught


@pytest.mark.parametrize(("direction", "whole_group"), [("discharge", False), ("charge", True)])
def test_the_guard_makes_the_bench_safe_when_the_run_is_killed(
    direction: str, whole_group: bool, bench: ServedBench, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with bench.flowing(tmp_path, direction, own_session=whole_group) as run:
        (os.killpg if whole_group else os.kill)(run.pid, signal.SIGKILL)
        within(UNCAUGHT_WITHIN, bench.eye.safe)
        assert run.guard_acted().why == "the process of the run died"
        run.ended()
        assert_closed_at_next_start(run, bench, capsys)


def test_the_guard_ends_a_frozen_run_and_makes_the_bench_safe(
    bench: ServedBench, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with bench.flowing(tmp_path) as run:
        run.send(signal.SIGSTOP)
        within(UNCAUGHT_WITHIN, bench.eye.safe)
        assert run.ended() == -signal.SIGKILL
        assert run.guard_acted().why == "the process of the run gave no sign of life for 1 s"
        assert_closed_at_next_start(run, bench, capsys)


@pytest.fixture(scope="module")
def stepped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedBench]:
    """The same with a clock that a run holds; when the run vanishes or stands still, its time goes on by itself."""
    with served_bench(tmp_path_factory.mktemp("stepped"), time="stepped") as served:
        yield served


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "frozen"])
def test_a_guard_makes_a_bench_safe_whose_time_the_run_was_holding(
    how: signal.Signals, stepped: ServedBench, tmp_path: Path
) -> None:
    with stepped.flowing(tmp_path) as run:
        run.send(how)
        within(UNCAUGHT_WITHIN, stepped.eye.safe)
        assert run.guard_acted().killed
        assert run.ended() == -signal.SIGKILL


def assert_closed_at_next_start(run: Run, bench: ServedBench, capsys: pytest.CaptureFixture[str]) -> None:
    """No line of the journal is lost, the guard's own are added, and the record says who made the bench safe."""
    folder, acted, said = run.folder, run.guard_acted(), run.guarded(GuardActed, MadeSafe)
    written = folder.journal.read_bytes()
    within(5, lambda: not (folder.path / "guard.lock").exists())
    assert status(bench.command("look", run.data)[len(STATION) :]) == 0
    assert "closed as ABORTED" in " ".join(capsys.readouterr().out.split())
    assert folder.journal.read_bytes().startswith(written)
    assert list(read_journal(folder.journal, GuardActed, MadeSafe)) == said
    record = record_of(folder)
    assert record.verdict == "ABORTED"
    assert acted.why in record.reason
    assert record.ended_at == acted.when
    assert record.safe_state == "load off, supply off, 0.00 A, contactor open, key released"
    assert record.simulation is not None


# ---------------------------------------------------------------------------------------------- the guard


@pytest.mark.parametrize(
    ("how", "reason", "at_most"),
    [
        (signal.SIGKILL, "the guard process died", CAUGHT_WITHIN),
        (signal.SIGSTOP, "the guard process does not answer", UNCAUGHT_WITHIN),
    ],
    ids=["killed", "frozen"],
)
def test_a_run_without_a_guard_stops_at_once(
    how: signal.Signals, reason: str, at_most: float, bench: ServedBench, tmp_path: Path
) -> None:
    with bench.flowing(tmp_path) as run:
        guard = run.guard()
        os.kill(guard, how)
        try:
            within(at_most, bench.eye.safe)
            assert_finished(run, reason)
        finally:
            if how is signal.SIGSTOP:
                os.kill(guard, signal.SIGKILL)


def test_the_guard_is_deaf_to_signals_that_are_meant_for_the_run(bench: ServedBench, tmp_path: Path) -> None:
    with bench.flowing(tmp_path) as run:
        for name in STOPPED:
            os.kill(run.guard(), signal.Signals[f"SIG{name}"])
        run.send(signal.SIGKILL)
        within(UNCAUGHT_WITHIN, bench.eye.safe)
        assert run.guard_acted().killed


def test_an_emergency_stop_ends_the_run(tmp_path: Path) -> None:
    fault = tmp_path / "pressed.yaml"
    fault.write_text(
        "fault: pressed\ntitle: Emergency stop pressed while current flows\nclass: operator\n"
        "change: {sensors.estop_closed: false}\nwhen: {once: {pack.current: below -50 A}}\n",
        encoding="utf-8",
    )
    with served_bench(tmp_path, [str(fault)]) as bench:
        run = bench.start(tmp_path / "data")
        try:
            assert run.ended() == 4
            assert_finished(run, "the emergency stop chain is open")
        finally:
            end(run.process)


def test_runs_are_stored_apart_from_what_their_guards_write(bench: ServedBench, tmp_path: Path) -> None:
    with bench.flowing(tmp_path) as run:
        run.send(signal.SIGINT)
        run.ended()
    assert [folder.path for folder in run_folders(tmp_path)] == [run.folder.path]
    assert sorted(path.name for path in run.folder.path.iterdir()) == [
        "certificate.pdf", "guard.jsonl", "journal.jsonl", "record.json",
    ]  # fmt: skip
