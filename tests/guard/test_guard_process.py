"""The guard as a process: started, ready, refused; and a run that gets none."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from stop_bench import within

from station.clock import Scopes, WallClock
from station.guard import JOURNAL, Brief, Guard, GuardFailed
from station.guard import _guard as process
from station.guard._starter import Starter
from station.model.events import GuardActed, GuardReady, InstrumentFound, MadeSafe
from station.model.library import Library
from station.model.record import Instrument
from station.records import read_journal
from station.run.plan import Files, make_plan
from station.run.session import Request, carry_out

SERIAL = "BALI48-000001"
FOUND = InstrumentFound(at_s=0.0, instrument=Instrument(role="load", model="", serial_number=""))


HOLDS = """\
from pathlib import Path
from station.bench import leased, resources
from station.model.library import Library
from station.run.plan import Files
with leased(resources(Files(Library.default()).bench("simulated"), 1), "run of somebody else"):
    print(flush=True)
    input()
"""
"""Another station, which holds the bench until it is told to leave."""


@pytest.fixture(autouse=True)
def no_other_test_holds_the_bench(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path_factory.mktemp("leases")))


def brief(folder: Path) -> Brief:
    """A guard of a bench whose instruments nobody serves."""
    files = Files(Library.default())
    bench = files.bench("simulated")
    return Brief(
        bench, 1, files.protocol(files.pack("bali48")), 15, os.getpid(), folder / JOURNAL, WallClock().now(), False
    )


@contextmanager
def guarded(folder: Path) -> Iterator[tuple[Guard, int, queue.Queue[str]]]:
    """A guard, its process, and why it is lost, if it is."""
    lost: queue.Queue[str] = queue.Queue()
    with Guard(brief(folder), lost.put) as guard:
        (ready,) = read_journal(folder / JOURNAL)
        assert isinstance(ready, GuardReady)
        yield guard, ready.process, lost


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_a_guard_that_was_not_needed_leaves_with_its_run_and_without_a_word(tmp_path: Path) -> None:
    with guarded(tmp_path) as (guard, pid, lost):
        guard(FOUND)
        guard.beat()
        guard(MadeSafe(at_s=0.0, state="all off"))
    within(5, lambda: gone(pid))
    assert lost.empty()
    assert [event.event for event in read_journal(tmp_path / JOURNAL)] == ["guard_ready"]
    assert [path.name for path in tmp_path.iterdir()] == [JOURNAL]


def test_a_run_that_ends_without_a_proven_safe_state_lives_on_while_the_guard_tries(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "LEAVES_WITHIN", 0.0)
    with guarded(tmp_path) as (guard, pid, _):
        guard(FOUND)
        guard(MadeSafe(at_s=0.0, state="", trouble=("load: it does not answer",)))
    within(10, lambda: any(True for _ in read_journal(tmp_path / JOURNAL, MadeSafe)))
    acted, safe, *_ = read_journal(tmp_path / JOURNAL, GuardActed, MadeSafe)
    assert isinstance(acted, GuardActed)
    assert not acted.killed
    assert isinstance(safe, MadeSafe)
    assert safe.trouble
    os.kill(pid, signal.SIGKILL)
    monkeypatch.undo()
    guard.close()


def test_a_guard_leaves_a_bench_alone_that_another_run_holds_and_says_who(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "LEAVES_WITHIN", 0.0)
    holds = [sys.executable, "-c", HOLDS]
    with subprocess.Popen(holds, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"\n"
        with guarded(tmp_path) as (guard, pid, _):
            guard(FOUND)
        within(10, lambda: any(True for _ in read_journal(tmp_path / JOURNAL, MadeSafe)))
        other.communicate(b"\n")
    safe, *_ = read_journal(tmp_path / JOURNAL, GuardActed, MadeSafe)
    assert isinstance(safe, MadeSafe)
    assert safe.state == ""
    assert "left the bench alone" in safe.trouble[0]
    assert f"in use by run of somebody else, process {other.pid} on" in safe.trouble[0]
    within(10, lambda: any(True for _ in read_journal(tmp_path / JOURNAL, GuardActed)))
    os.kill(pid, signal.SIGKILL)
    monkeypatch.undo()
    guard.close()


def test_the_death_of_a_guard_is_noticed_at_once(tmp_path: Path) -> None:
    with guarded(tmp_path) as (_, pid, lost):
        os.kill(pid, signal.SIGKILL)
        assert lost.get(timeout=5) == "the guard process died"


def test_a_guard_that_cannot_write_its_journal_is_none_and_says_why(tmp_path: Path) -> None:
    (tmp_path / JOURNAL).write_bytes(b"of another run")
    with pytest.raises(GuardFailed, match="ended before it was ready: FileExistsError"):
        Guard(brief(tmp_path), lambda reason: None)


def test_a_guard_that_is_not_ready_in_time_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "READY_WITHIN", 0.0)
    with pytest.raises(GuardFailed, match="was not ready within 0 s"):
        Guard(brief(tmp_path), lambda reason: None)
    assert not list(tmp_path.iterdir())


def test_a_guard_watches_over_nobody_but_its_own_starter() -> None:
    with pytest.raises(ProcessLookupError, match="is not the parent"):
        Starter(os.getpid())
    starter = Starter(os.getppid())
    assert not starter.gone()
    starter.close()


def test_a_run_without_a_guard_is_blocked_before_it_touches_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "nothing"))
    files = Files(Library.default())
    bench = files.bench("simulated")
    request = Request(make_plan(files, "eol", bench, SERIAL), SERIAL, tmp_path)
    outcome, record, _ = carry_out(request, bench, Scopes(WallClock()))
    assert outcome.verdict == "BLOCKED"
    assert "the guard process cannot be started" in outcome.reason
    assert not record.instruments
