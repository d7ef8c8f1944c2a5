"""A pack that a run left with other thresholds is not tested before they are back."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from bench_runs import SERIAL, Rig, rig
from dead_runs import close, died, lines_before

from station.cli.main import status
from station.model.events import (
    AnyEvent,
    Event,
    Measured,
    Noted,
    OriginalsKept,
    OutputChanging,
    ParametersChanging,
    ParametersRestored,
    RunStarted,
    Sampled,
    StepEnded,
)
from station.model.library import Library
from station.model.record import Record
from station.records import RunFolder, Unrestored, held, lines, new_run, read_journal, unrestored
from station.run.plan import Files
from station.run.restoring import restore, restore_plan
from station.run.session import Request

SHIFTED = {"cell_overvoltage.trip": 3.5, "cell_overvoltage.alarm": 3.45, "pack_undervoltage.delay": 3.0}
OWN, OTHER = {"61": 3650, "62": 3600}, {"61": 3350, "62": 3600}
DIES = Path(__file__).parents[1] / "chaos" / "dies.py"
"""`station` itself, which dies as soon as its journal has flushed a certain line."""


def journal_of(data: Path, passed: bytes, *events: Event) -> RunFolder:
    """A run that began as another did, said this, and died."""
    said = "".join(f"{event.model_dump_json()}\n" for event in events)
    return died(data, passed.splitlines(keepends=True)[0] + said.encode())


def kept(words: dict[str, int]) -> OriginalsKept:
    return OriginalsKept(at_s=1.0, words=words)


def put_back(*wrong: str) -> ParametersRestored:
    return ParametersRestored(at_s=2.0, wrong=wrong)


def test_a_pack_is_owed_what_the_oldest_run_found_that_did_not_put_it_back(passed: bytes, tmp_path: Path) -> None:
    journal_of(tmp_path, passed, kept(OWN), put_back())
    assert owed(tmp_path) is None
    first = journal_of(tmp_path, passed, kept(OWN), put_back(), kept(OWN))
    journal_of(tmp_path, passed, kept(OTHER))
    journal_of(tmp_path, passed, kept(OTHER), put_back())
    found = owed(tmp_path)
    assert found is not None
    assert (found.folder, found.product, found.words) == (first, "bali48", {61: 3650, 62: 3600})
    journal_of(tmp_path, passed, kept(OWN), put_back("cell_overvoltage.trip"))
    assert owed(tmp_path) == found
    journal_of(tmp_path, passed, kept(OWN), put_back())
    assert owed(tmp_path) is None


def owed(data: Path, *, simulated: bool = False) -> Unrestored | None:
    return unrestored(data, SERIAL, simulated=simulated)


def test_a_torn_line_hides_nothing_that_a_pack_is_owed(passed: bytes, tmp_path: Path) -> None:
    before = lines_before(passed, ParametersRestored)
    died(tmp_path, before + passed[len(before) :][:50])
    close(tmp_path)
    assert owed(tmp_path) is not None


def test_a_simulated_pack_owes_nothing_to_a_real_one(passed: bytes, tmp_path: Path) -> None:
    died(tmp_path, lines_before(passed, ParametersRestored))
    assert owed(tmp_path) is not None
    assert owed(tmp_path, simulated=True) is None


@contextmanager
def left_shifted(shifting: str, passed: bytes, data: Path) -> Iterator[Rig]:
    """A bench with a started pack whose thresholds a run that died has shifted."""
    died(data, lines_before(passed, ParametersRestored))
    with rig(sequence=shifting) as bench:
        bench.twin.bms.power.enter("running", 0.0)
        bench.clock.wait(3.0)
        for name, value in SHIFTED.items():
            bench.twin.bms.memory[name] = value
        yield bench


def restored(bench: Rig, data: Path, serial_number: str = SERIAL) -> tuple[str, str, list[Event]]:
    """Verdict, reason and events of a run that restores."""
    events: list[Event] = []
    debt = unrestored(data, SERIAL, simulated=False)
    assert debt is not None
    plan = restore_plan(Files(Library.default()), bench.plan.bench, 1, debt)
    outcome = restore(Request(plan, serial_number, data, listeners=(events.append,)), debt, bench.served, bench.scopes)
    return outcome.verdict, outcome.reason, events


def test_a_pack_with_shifted_thresholds_is_blocked_until_they_are_back(
    shifting: str, passed: bytes, tmp_path: Path
) -> None:
    with left_shifted(shifting, passed, tmp_path) as bench:
        ran = bench.run(tmp_path)
        assert ran.record.verdict == "BLOCKED"
        assert f"type `station restore --serial {SERIAL} --bench simulated --data" in ran.record.reason
        assert bench.twin.server.counts["switch"] == [0, 0, 0]
        shifted = dict(bench.twin.bms.memory.words)

        verdict, reason, events = restored(bench, tmp_path)
        assert (verdict, reason) == ("PASS", "")
        truth = next(event.words for event in events if isinstance(event, OriginalsKept))
        assert shifted != bench.twin.bms.memory.words
        assert {key: bench.twin.bms.memory.words[int(key)] for key in truth} == truth
        assert [event.text.partition(" ")[0] for event in events if isinstance(event, Noted)] == sorted(SHIFTED)
        assert not [event for event in events if isinstance(event, OutputChanging | Sampled)]
        assert owed(tmp_path) is None

        again = bench.run(tmp_path)
    assert again.record.verdict != "BLOCKED", again.record.reason


def test_a_restore_leaves_a_journal_and_a_record_of_its_own(shifting: str, passed: bytes, tmp_path: Path) -> None:
    with left_shifted(shifting, passed, tmp_path) as bench:
        _, _, events = restored(bench, tmp_path)
    start = events[0]
    assert isinstance(start, RunStarted)
    assert start.sequence == "restore"
    folder = RunFolder(tmp_path / "runs" / SERIAL / start.run)
    assert list(read_journal(folder.journal)) == events
    record = Record.model_validate_json(folder.record.read_bytes())
    assert record.thresholds == "restored and read back"
    assert record.safe_state.startswith("load off, supply off")
    assert record.partial
    assert [event.measurement.value for event in events if isinstance(event, Measured)] == ["restored"]
    assert [event.step.verdict for event in events if isinstance(event, StepEnded)] == ["PASS"]


def test_a_restore_that_dies_leaves_the_truth_to_the_next(shifting: str, passed: bytes, tmp_path: Path) -> None:
    with left_shifted(shifting, passed, tmp_path) as bench:
        debt = owed(tmp_path)
        _, _, events = restored(bench, tmp_path)
        start = events[0]
        assert isinstance(start, RunStarted)
        journal = RunFolder(tmp_path / "runs" / SERIAL / start.run).journal
        journal.write_bytes(lines_before(journal.read_bytes(), ParametersRestored))
        assert owed(tmp_path) == debt
        assert restored(bench, tmp_path)[0] == "PASS"
    assert owed(tmp_path) is None


def _another_pack(bench: Rig) -> None:
    bench.twin.bms.memory["pack_sn"] = "BALI48-000002"


def _blank_board(bench: Rig) -> None:
    bench.twin.bms.memory["pack_sn"] = ""


def _asleep(bench: Rig) -> None:
    bench.twin.bms.power.enter("asleep", 0.0)


def _deaf_memory(bench: Rig) -> None:
    bench.twin.bms.memory.ignores = True


@pytest.mark.parametrize(
    ("prepare", "verdict", "says"),
    [
        (_another_pack, "BLOCKED", "the pack says it is BALI48-000002"),
        (_blank_board, "BLOCKED", "the pack says it is nobody"),
        (_asleep, "ERROR", "start it with its key"),
        (_deaf_memory, "FAIL", "the pack keeps shifted values of cell_overvoltage"),
    ],
)
def test_a_pack_that_was_not_restored_stays_blocked(
    prepare: Callable[[Rig], None], verdict: str, says: str, shifting: str, passed: bytes, tmp_path: Path
) -> None:
    with left_shifted(shifting, passed, tmp_path) as bench:
        prepare(bench)
        before = dict(bench.twin.bms.memory.words)
        found, reason, events = restored(bench, tmp_path)
        assert bench.twin.bms.memory.words == before
    assert found == verdict
    assert says in reason
    assert not [event for event in events if isinstance(event, ParametersRestored) and not event.wrong]
    assert owed(tmp_path) is not None


def test_an_unreadable_journal_of_a_pack_blocks_it_since_nobody_can_tell(shifting: str, tmp_path: Path) -> None:
    new_run(tmp_path, SERIAL).journal.mkdir()
    with rig(sequence=shifting) as bench:
        ran = bench.run(tmp_path)
    assert ran.record.verdict == "BLOCKED"
    assert "cannot be read" in ran.record.reason


def test_a_pack_under_test_is_blocked_for_everybody_else(shifting: str, passed: bytes, tmp_path: Path) -> None:
    folder = died(tmp_path, lines_before(passed, ParametersRestored))
    with held(folder.journal), rig(sequence=shifting) as bench:
        ran = bench.run(tmp_path)
        assert status(["restore", "--serial", SERIAL, "--bench", "line-1", "--data", str(tmp_path)]) == 5
    assert ran.record.verdict == "BLOCKED"
    assert f"run {folder.run} is testing this pack" in ran.record.reason


# ---------------------------------------------------------------------------------------------- as a person types it


def test_after_kill_9_the_pack_is_blocked_restored_and_tested(
    shifting: str, passed: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ["--serial", SERIAL, "--bench", "simulated", "--data", str(tmp_path)]
    dies = [sys.executable, str(DIES), str(flushed_until(passed, ParametersChanging)), str(tmp_path / "told")]
    killed = subprocess.run([*dies, "run", shifting, *where], capture_output=True, check=False)
    assert killed.returncode == -9, killed.stderr
    assert isinstance(events_in(tmp_path)[-1], ParametersChanging)

    assert status(["run", shifting, *where, "--json"]) == 5
    out, err = capsys.readouterr()
    blocked = json.loads(out)
    assert f"station restore --serial {SERIAL} --bench simulated" in blocked["reason"]
    assert "closed as ABORTED" in err.splitlines()[0]
    dead = sorted((tmp_path / "runs" / SERIAL).iterdir())[0]
    assert dead.name in blocked["reason"]
    assert status(["verify", str(dead / "certificate.pdf"), "--simulated"]) == 0
    assert "ABORTED" in capsys.readouterr().out

    assert status(["restore", "--bench", "simulated", "--data", str(tmp_path)]) == 0
    assert capsys.readouterr().out.startswith(f"restored: {SERIAL}")
    assert status(["run", shifting, *where]) == 0
    assert "ABORTED" not in capsys.readouterr().out
    assert status(["restore", *where]) == 0
    assert "nothing to restore" in capsys.readouterr().out


def flushed_until(journal: bytes, kind: type[Event]) -> int:
    """How many lines had been flushed when the first event of a kind was."""
    flushed = [event for event in lines(journal) if event is not None and event.durable]
    return next(number for number, event in enumerate(flushed, 1) if isinstance(event, kind))


def events_in(data: Path) -> list[AnyEvent]:
    """What the one run in a data folder has written down."""
    (journal,) = data.glob("runs/*/*/journal.jsonl")
    return list(read_journal(journal))


def test_several_waiting_packs_must_be_told_apart(
    passed: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in (SERIAL, "BALI48-000002"):
        died(tmp_path, lines_before(passed, ParametersRestored), number)
    assert status(["restore", "--bench", "line-1", "--data", str(tmp_path)]) == 2
    assert f"{SERIAL}, BALI48-000002" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--bench", "line-1", "--twin", "shelf_2w"], "--twin is for a simulated bench"),
        (["--bench", "simulated", "--serial", "../x"], "cannot be a serial number"),
        (["--bench", "line-1", "--slot", "7"], "has no slot 7"),
    ],
)
def test_wrong_usage_of_restore_is_refused(
    arguments: list[str], says: str, passed: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    died(tmp_path, lines_before(passed, ParametersRestored))
    assert status(["restore", *arguments, "--data", str(tmp_path)]) == 2
    assert says in capsys.readouterr().err
