"""A run that died is closed at the next start, and its pack is not tested before its thresholds are back."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from bench_runs import SERIAL, Rig, rig

from station.cli.main import status
from station.guard import JOURNAL
from station.model.events import (
    Event,
    GuardActed,
    GuardReady,
    MadeSafe,
    Measured,
    Noted,
    OriginalsKept,
    OutputChanging,
    ParametersChanging,
    ParametersRestored,
    RunEnded,
    RunStarted,
    Sampled,
    StepEnded,
)
from station.model.library import Library
from station.model.pack import Pack
from station.model.record import Record
from station.records import (
    Journal,
    RunFolder,
    StillWritten,
    Unrestored,
    append,
    held,
    new_run,
    read_journal,
    unrestored,
)
from station.run import recovery
from station.run.plan import Files
from station.run.recovery import close_dead_runs
from station.run.restoring import restore, restore_plan
from station.run.session import Request

SHIFTING = """\
sequence: shifting
title: One parameter is written and put back
pack: [bali48]
steps:
  - step: start
    gate: true
    press_key: start
    expect:
      - {answers: rs485_a}
  - step: identity
    gate: true
    require: serial_number
  - step: write-back
    parameters: {write_back: cell_overvoltage.delay}
"""
SHIFTED = {"cell_overvoltage.trip": 3.5, "cell_overvoltage.alarm": 3.45, "pack_undervoltage.delay": 3.0}
CERTIFICATE = b"/ByteRange [0 1 2 38]\n<signature>\n%%EOF\n"
"""As short as a file can be that has the length it says it has."""
RUNS = itertools.count()
pack_of = Files(Library.default()).pack


@pytest.fixture(scope="module")
def sequence(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A short sequence that writes a parameter."""
    path = tmp_path_factory.mktemp("sequences") / "shifting.yaml"
    path.write_text(SHIFTING, encoding="utf-8")
    return str(path)


@pytest.fixture(scope="module")
def whole(sequence: str, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The journal of a run of it that went well."""
    with rig(sequence=sequence) as bench:
        ran = bench.run(tmp_path_factory.mktemp("whole"))
    assert ran.record.verdict == "PASS", ran.record.reason
    return ran.folder.journal.read_bytes()


def lines_before(journal: bytes, kind: type[Event]) -> bytes:
    """The journal up to the last event of a kind, which is left out."""
    name = str(kind.model_fields["event"].default).encode()
    kept = journal.splitlines(keepends=True)
    while name not in kept.pop():
        pass
    return b"".join(kept)


def died(data: Path, journal: bytes, serial_number: str = SERIAL) -> RunFolder:
    """The folder of a run that died when it had written so much, later than those before it."""
    folder = RunFolder(data / "runs" / serial_number / f"20260101T000000000Z-{next(RUNS):08x}")
    folder.path.mkdir(parents=True)
    folder.journal.write_bytes(journal)
    return folder


def close(data: Path, pack_of: Callable[[str], Pack] = pack_of) -> list[str]:
    """What the station says of dead runs when it starts."""
    return list(close_dead_runs(data, pack_of, lambda record, folder: folder.certificate.write_bytes(CERTIFICATE)))


# ---------------------------------------------------------------------------------------------- closing


def test_a_run_that_died_is_closed_as_aborted_once_and_its_journal_only_grows(whole: bytes, tmp_path: Path) -> None:
    left = lines_before(whole, ParametersRestored)
    folder = died(tmp_path, left)
    said = close(tmp_path)
    assert len(said) == 1
    assert f"{SERIAL}/{folder.run}" in said[0]
    assert "ABORTED" in said[0]
    assert "NOT RESTORED" in said[0]
    record = Record.model_validate_json(folder.record.read_bytes())
    assert (record.verdict, record.reason) == ("ABORTED", "the station stopped in the middle of the run")
    assert record.bench_time_s == list(read_journal(folder.journal))[-1].at_s > 0
    assert {path.name for path in folder.path.iterdir()} == {"journal.jsonl", "record.json", "certificate.pdf"}
    journal = folder.journal.read_bytes()
    assert journal.startswith(left)
    assert journal.count(b"\n") == left.count(b"\n") + 1
    assert close(tmp_path) == []
    assert folder.journal.read_bytes() == journal


def garbage(data: Path, whole: bytes) -> Iterator[RunFolder]:
    """Folders that are no runs, or of which nobody can tell what they were."""
    yield died(data, b"")
    yield died(data, b"\n\n\n")
    yield died(data, bytes(range(256)) * 40)
    yield died(data, b"\x00" * 5000)
    yield died(data, b"[" * 100_000)
    yield died(data, b'{"event":"run_ended"}\n')
    yield died(data, whole.split(b"\n")[1] + b"\n")
    yield died(data, lines_before(whole, RunEnded).replace(b'"product":"bali48"', b'"product":"bali99"'))
    yield died(data, lines_before(whole, RunEnded).replace(b'"product":"bali48"', b'"product":"../../x"'))
    unreadable = new_run(data, "A-FOLDER")
    unreadable.journal.mkdir()
    yield unreadable
    no_lock = died(data, whole)
    no_lock.journal.with_suffix(".lock").mkdir()
    yield no_lock
    surrogate = data / "runs" / "no\udcffname" / "run"
    surrogate.mkdir(parents=True)
    (surrogate / "journal.jsonl").write_bytes(b"?")
    yield RunFolder(surrogate)


def test_what_cannot_be_closed_is_said_in_one_line_and_left_alone(whole: bytes, tmp_path: Path) -> None:
    folders = list(garbage(tmp_path, whole))
    before = everything(tmp_path)
    said = close(tmp_path)
    assert len(said) == len(folders)
    for line in said:
        assert "left alone" in line
        assert len(line) <= 300
        assert line.encode().isascii()
        assert "\n" not in line
    assert everything(tmp_path) == before


def everything(data: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in data.rglob("*") if path.is_file()}


@pytest.mark.parametrize("what", ["nothing", "a file", "a file for a folder"])
def test_a_data_folder_without_runs_has_nothing_to_close(what: str, tmp_path: Path) -> None:
    if what == "a file":
        (tmp_path / "runs").write_bytes(b"")
    elif what == "a file for a folder":
        (tmp_path / "runs").mkdir()
        (tmp_path / "runs" / SERIAL).write_bytes(b"")
    assert close(tmp_path) == []


def test_a_run_that_ended_and_lost_only_its_record_keeps_its_verdict(whole: bytes, tmp_path: Path) -> None:
    folder = died(tmp_path, whole)
    assert "closed as PASS" in close(tmp_path)[0]
    assert folder.journal.read_bytes() == whole
    assert b'"verdict":"PASS"' in folder.record.read_bytes()


def test_no_verdict_is_taken_from_a_journal_that_was_damaged_before_its_end(whole: bytes, tmp_path: Path) -> None:
    lines = whole.splitlines(keepends=True)
    lines[3] = lines[3][:-20] + b"\n"
    folder = died(tmp_path, b"".join(lines))
    said = close(tmp_path)
    assert "closed as ERROR: line 4 of the journal is damaged, and the verdict PASS may rest on it" in said[0]
    record = Record.model_validate_json(folder.record.read_bytes())
    assert record.verdict == "ERROR"
    assert "Line 4 of the journal is damaged: what it said is missing here." in record.warnings
    assert close(tmp_path) == []


def test_a_certificate_that_cannot_be_signed_is_tried_again_at_the_next_start(whole: bytes, tmp_path: Path) -> None:
    folder = died(tmp_path, lines_before(whole, RunEnded))

    def without_key(record: Record, folder: RunFolder) -> None:
        raise LookupError("no station key here")

    assert "no station key here" in next(close_dead_runs(tmp_path, pack_of, without_key))
    assert not folder.record.exists()
    assert "closed as ABORTED" in close(tmp_path)[0]
    assert folder.certificate.exists()
    assert [type(event) for event in read_journal(folder.journal)].count(RunEnded) == 1


def test_the_journal_of_a_living_run_is_left_alone(whole: bytes, tmp_path: Path) -> None:
    folder = new_run(tmp_path, SERIAL)
    events = list(read_journal(died(tmp_path / "elsewhere", whole).journal))
    with Journal(folder.journal) as journal:
        for event in events[:-1]:
            journal(event)
        with pytest.raises(StillWritten), held(folder.journal):
            pytest.fail("two hold one journal")
        assert close(tmp_path) == []
        journal(events[-1])
    assert folder.journal.read_bytes() == whole
    assert [path.name for path in folder.path.iterdir()] == ["journal.jsonl"]


ACTED = GuardActed(at_s=3.5, when="2026-01-01T00:00:03.500+00:00", why="the process of the run died", killed=True)
PROVEN = MadeSafe(at_s=3.75, state="load off, supply off")


def guarded(folder: RunFolder, *events: Event) -> Path:
    """The journal that the guard of a run left."""
    path = folder.path / JOURNAL
    with Journal(path) as journal:
        for event in (GuardReady(at_s=0.0, process=1), *events):
            journal(event)
    return path


def test_what_the_guard_did_becomes_part_of_the_journal_and_the_record(whole: bytes, tmp_path: Path) -> None:
    before = lines_before(whole, MadeSafe)
    folder = died(tmp_path, before + b'{"torn')
    guarded(folder, ACTED, PROVEN)
    assert "the process of the run died, and its guard took the bench over" in close(tmp_path)[0]
    *_, acted, safe, end = read_journal(folder.journal)
    assert (acted, safe) == (ACTED, PROVEN)
    assert folder.journal.read_bytes().startswith(before)
    record = Record.model_validate_json(folder.record.read_bytes())
    assert (record.safe_state, record.ended_at) == (PROVEN.state, ACTED.when)
    assert end.at_s == max(event.at_s for event in read_journal(folder.journal))


def test_a_guard_that_could_not_prove_the_bench_safe_is_heard_too(whole: bytes, tmp_path: Path) -> None:
    folder = died(tmp_path, lines_before(whole, MadeSafe))
    guarded(folder, ACTED, MadeSafe(at_s=4.0, state="", trouble=("load: it does not answer",)))
    close(tmp_path)
    assert "NOT PROVEN: load: it does not answer" in folder.record.read_text(encoding="utf-8")


def test_what_the_guard_did_is_added_once_however_often_closing_was_interrupted(whole: bytes, tmp_path: Path) -> None:
    folder = died(tmp_path, lines_before(whole, MadeSafe))
    guarded(folder, ACTED, PROVEN)
    append(folder.journal, ACTED)
    close(tmp_path)
    assert list(read_journal(folder.journal, GuardActed, MadeSafe)) == [ACTED, PROVEN]


def test_a_guard_that_had_nothing_to_do_adds_nothing(whole: bytes, tmp_path: Path) -> None:
    folder = died(tmp_path, whole)
    guarded(folder)
    assert "closed as PASS" in close(tmp_path)[0]
    assert folder.journal.read_bytes() == whole


def test_a_run_whose_guard_is_still_at_work_is_closed_at_a_later_start(whole: bytes, tmp_path: Path) -> None:
    folder = died(tmp_path, lines_before(whole, MadeSafe))
    with held(guarded(folder, ACTED)):
        assert close(tmp_path) == []
        assert not folder.record.exists()
    assert "closed as ABORTED" in close(tmp_path)[0]


def test_stations_that_start_at_once_close_each_run_once(whole: bytes, tmp_path: Path) -> None:
    folders = [died(tmp_path, lines_before(whole, RunEnded)) for _ in range(20)]
    said: list[str] = []
    together = threading.Barrier(4)

    def start() -> None:
        together.wait()
        said.extend(close(tmp_path))

    stations = [threading.Thread(target=start) for _ in range(4)]
    for station in stations:
        station.start()
    for station in stations:
        station.join()
    assert len(said) == len(set(said)) == len(folders)
    for folder in folders:
        assert [type(event) for event in read_journal(folder.journal)].count(RunEnded) == 1


def test_a_run_that_another_station_has_just_closed_is_over(
    whole: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    died(tmp_path, lines_before(whole, RunEnded))

    @contextmanager
    def too_late(journal: Path) -> Iterator[None]:
        monkeypatch.setattr(recovery, "held", held)
        assert len(close(tmp_path)) == 1
        with held(journal):
            yield

    monkeypatch.setattr(recovery, "held", too_late)
    assert close(tmp_path) == []


# ---------------------------------------------------------------------------------------------- blocked, restored


def journal_of(data: Path, whole: bytes, *events: Event) -> RunFolder:
    """A run that began as another did, said this, and died."""
    said = "".join(f"{event.model_dump_json()}\n" for event in events)
    return died(data, whole.splitlines(keepends=True)[0] + said.encode())


OWN, OTHER = {"61": 3650, "62": 3600}, {"61": 3350, "62": 3600}


def kept(words: dict[str, int]) -> OriginalsKept:
    return OriginalsKept(at_s=1.0, words=words)


def put_back(*wrong: str) -> ParametersRestored:
    return ParametersRestored(at_s=2.0, wrong=wrong)


def test_a_pack_is_owed_what_the_oldest_run_found_that_did_not_put_it_back(whole: bytes, tmp_path: Path) -> None:
    journal_of(tmp_path, whole, kept(OWN), put_back())
    assert owed(tmp_path) is None
    first = journal_of(tmp_path, whole, kept(OWN), put_back(), kept(OWN))
    journal_of(tmp_path, whole, kept(OTHER))
    journal_of(tmp_path, whole, kept(OTHER), put_back())
    found = owed(tmp_path)
    assert found is not None
    assert (found.folder, found.product, found.words) == (first, "bali48", {61: 3650, 62: 3600})
    journal_of(tmp_path, whole, kept(OWN), put_back("cell_overvoltage.trip"))
    assert owed(tmp_path) == found
    journal_of(tmp_path, whole, kept(OWN), put_back())
    assert owed(tmp_path) is None


def owed(data: Path, *, simulated: bool = False) -> Unrestored | None:
    return unrestored(data, SERIAL, simulated=simulated)


def test_a_torn_line_hides_nothing_that_a_pack_is_owed(whole: bytes, tmp_path: Path) -> None:
    before = lines_before(whole, ParametersRestored)
    died(tmp_path, before + whole[len(before) :][:50])
    close(tmp_path)
    assert owed(tmp_path) is not None


def test_a_simulated_pack_owes_nothing_to_a_real_one(whole: bytes, tmp_path: Path) -> None:
    died(tmp_path, lines_before(whole, ParametersRestored))
    assert owed(tmp_path) is not None
    assert owed(tmp_path, simulated=True) is None


@contextmanager
def left_shifted(sequence: str, whole: bytes, data: Path, faults: tuple[str, ...] = ()) -> Iterator[Rig]:
    """A bench with a started pack whose thresholds a run that died has shifted."""
    died(data, lines_before(whole, ParametersRestored))
    with rig(faults, sequence=sequence) as bench:
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
    sequence: str, whole: bytes, tmp_path: Path
) -> None:
    with left_shifted(sequence, whole, tmp_path) as bench:
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


def test_a_restore_leaves_a_journal_and_a_record_of_its_own(sequence: str, whole: bytes, tmp_path: Path) -> None:
    with left_shifted(sequence, whole, tmp_path) as bench:
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


def test_a_restore_that_dies_leaves_the_truth_to_the_next(sequence: str, whole: bytes, tmp_path: Path) -> None:
    with left_shifted(sequence, whole, tmp_path) as bench:
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
    prepare: Callable[[Rig], None], verdict: str, says: str, sequence: str, whole: bytes, tmp_path: Path
) -> None:
    with left_shifted(sequence, whole, tmp_path) as bench:
        prepare(bench)
        before = dict(bench.twin.bms.memory.words)
        found, reason, events = restored(bench, tmp_path)
        assert bench.twin.bms.memory.words == before
    assert found == verdict
    assert says in reason
    assert not [event for event in events if isinstance(event, ParametersRestored) and not event.wrong]
    assert owed(tmp_path) is not None


def test_an_unreadable_journal_of_a_pack_blocks_it_since_nobody_can_tell(sequence: str, tmp_path: Path) -> None:
    new_run(tmp_path, SERIAL).journal.mkdir()
    with rig(sequence=sequence) as bench:
        ran = bench.run(tmp_path)
    assert ran.record.verdict == "BLOCKED"
    assert "cannot be read" in ran.record.reason


def test_a_pack_under_test_is_blocked_for_everybody_else(sequence: str, whole: bytes, tmp_path: Path) -> None:
    folder = died(tmp_path, lines_before(whole, ParametersRestored))
    with held(folder.journal), rig(sequence=sequence) as bench:
        ran = bench.run(tmp_path)
        assert status(["restore", "--serial", SERIAL, "--bench", "line-1", "--data", str(tmp_path)]) == 5
    assert ran.record.verdict == "BLOCKED"
    assert f"run {folder.run} is testing this pack" in ran.record.reason


# ---------------------------------------------------------------------------------------------- as a person types it

KILLED = """
import os, signal, sys
import station.run.session
from station.cli.main import status
from station.model.events import ParametersChanging
from station.records import Journal

class Dying(Journal):
    def __call__(self, event):
        super().__call__(event)
        if isinstance(event, ParametersChanging):
            os.kill(os.getpid(), signal.SIGKILL)

station.run.session.Journal = Dying
status(sys.argv[1:])
"""


def test_after_kill_9_the_pack_is_blocked_restored_and_tested(
    sequence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ["--serial", SERIAL, "--bench", "simulated", "--data", str(tmp_path)]
    killed = subprocess.run([sys.executable, "-c", KILLED, "run", sequence, *where], capture_output=True, check=False)
    assert killed.returncode == -9, killed.stderr
    assert ParametersChanging in [type(event) for event in events_in(tmp_path)]

    assert status(["run", sequence, *where, "--json"]) == 5
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
    assert status(["run", sequence, *where]) == 0
    assert "ABORTED" not in capsys.readouterr().out
    assert status(["restore", *where]) == 0
    assert "nothing to restore" in capsys.readouterr().out


def events_in(data: Path) -> Iterator[Event]:
    for path in data.glob("runs/*/*/journal.jsonl"):
        yield from read_journal(path)


def test_several_waiting_packs_must_be_told_apart(
    whole: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in (SERIAL, "BALI48-000002"):
        died(tmp_path, lines_before(whole, ParametersRestored), number)
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
    arguments: list[str], says: str, whole: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    died(tmp_path, lines_before(whole, ParametersRestored))
    assert status(["restore", *arguments, "--data", str(tmp_path)]) == 2
    assert says in capsys.readouterr().err
