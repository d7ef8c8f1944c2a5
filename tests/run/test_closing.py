"""A run that died is closed at the next start: once, however many start, and its journal only grows."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from bench_runs import SERIAL
from dead_runs import close, died, lines_before, pack_of

from station.guard import JOURNAL
from station.model.events import Event, GuardActed, GuardReady, MadeSafe, ParametersRestored, RunEnded
from station.model.record import Record
from station.records import Journal, RunFolder, StillWritten, append, held, new_run, read_journal, waiting_runs
from station.run import recovery
from station.run.recovery import close_dead_runs

ACTED = GuardActed(at_s=3.5, when="2026-01-01T00:00:03.500+00:00", why="the process of the run died", killed=True)
PROVEN = MadeSafe(at_s=3.75, state="load off, supply off")


def test_a_run_that_died_is_closed_as_aborted_once_and_its_journal_only_grows(passed: bytes, tmp_path: Path) -> None:
    left = lines_before(passed, ParametersRestored)
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


def garbage(data: Path, passed: bytes) -> Iterator[RunFolder]:
    """Folders that are no runs, or of which nobody can tell what they were."""
    yield died(data, b"")
    yield died(data, b"\n\n\n")
    yield died(data, bytes(range(256)) * 40)
    yield died(data, b"\x00" * 5000)
    yield died(data, b"[" * 100_000)
    yield died(data, b'{"event":"run_ended"}\n')
    yield died(data, passed.split(b"\n")[1] + b"\n")
    yield died(data, lines_before(passed, RunEnded).replace(b'"product":"bali48"', b'"product":"bali99"'))
    yield died(data, lines_before(passed, RunEnded).replace(b'"product":"bali48"', b'"product":"../../x"'))
    unreadable = new_run(data, "A-FOLDER")
    unreadable.journal.mkdir()
    yield unreadable
    no_lock = died(data, passed)
    no_lock.journal.with_suffix(".lock").mkdir()
    yield no_lock
    surrogate = data / "runs" / "no\udcffname" / "run"
    surrogate.mkdir(parents=True)
    (surrogate / "journal.jsonl").write_bytes(b"?")
    yield RunFolder(surrogate)


def test_what_cannot_be_closed_is_said_in_one_line_and_left_alone(passed: bytes, tmp_path: Path) -> None:
    folders = list(garbage(tmp_path, passed))
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


def test_a_run_that_ended_and_lost_only_its_record_keeps_its_verdict(passed: bytes, tmp_path: Path) -> None:
    folder = died(tmp_path, passed)
    assert "closed as PASS" in close(tmp_path)[0]
    assert folder.journal.read_bytes() == passed
    assert b'"verdict":"PASS"' in folder.record.read_bytes()


def test_no_verdict_is_taken_from_a_journal_that_was_damaged_before_its_end(passed: bytes, tmp_path: Path) -> None:
    lines = passed.splitlines(keepends=True)
    lines[3] = lines[3][:-20] + b"\n"
    folder = died(tmp_path, b"".join(lines))
    said = close(tmp_path)
    assert "closed as ERROR: line 4 of the journal is damaged, and the verdict PASS may rest on it" in said[0]
    record = Record.model_validate_json(folder.record.read_bytes())
    assert record.verdict == "ERROR"
    assert "Line 4 of the journal is damaged: what it said is missing here." in record.warnings
    assert close(tmp_path) == []


def test_a_certificate_that_cannot_be_signed_is_tried_again_at_the_next_start(passed: bytes, tmp_path: Path) -> None:
    folder = died(tmp_path, lines_before(passed, RunEnded))

    def without_key(record: Record, folder: RunFolder) -> None:
        raise LookupError("no station key here")

    assert "no station key here" in next(close_dead_runs(tmp_path, pack_of, without_key))
    assert not folder.record.exists()
    assert "closed as ABORTED" in close(tmp_path)[0]
    assert folder.certificate.exists()
    assert [type(event) for event in read_journal(folder.journal)].count(RunEnded) == 1


def test_the_journal_of_a_living_run_is_left_alone(passed: bytes, tmp_path: Path) -> None:
    folder = new_run(tmp_path, SERIAL)
    events = list(read_journal(died(tmp_path / "elsewhere", passed).journal))
    with Journal(folder.journal) as journal:
        for event in events[:-1]:
            journal(event)
        with pytest.raises(StillWritten), held(folder.journal):
            pytest.fail("two hold one journal")
        assert close(tmp_path) == []
        journal(events[-1])
    assert folder.journal.read_bytes() == passed
    assert [path.name for path in folder.path.iterdir()] == ["journal.jsonl"]


def guarded(folder: RunFolder, *events: Event) -> Path:
    """The journal that the guard of a run left."""
    path = folder.path / JOURNAL
    with Journal(path) as journal:
        for event in (GuardReady(at_s=0.0, process=1), *events):
            journal(event)
    return path


def test_what_the_guard_did_becomes_part_of_the_journal_and_the_record(passed: bytes, tmp_path: Path) -> None:
    before = lines_before(passed, MadeSafe)
    folder = died(tmp_path, before + b'{"torn')
    guarded(folder, ACTED, PROVEN)
    assert "the process of the run died, and its guard took the bench over" in close(tmp_path)[0]
    *_, acted, safe, end = read_journal(folder.journal)
    assert (acted, safe) == (ACTED, PROVEN)
    assert folder.journal.read_bytes().startswith(before)
    record = Record.model_validate_json(folder.record.read_bytes())
    assert (record.safe_state, record.ended_at) == (PROVEN.state, ACTED.when)
    assert end.at_s == max(event.at_s for event in read_journal(folder.journal))


def test_a_guard_that_could_not_prove_the_bench_safe_is_heard_too(passed: bytes, tmp_path: Path) -> None:
    folder = died(tmp_path, lines_before(passed, MadeSafe))
    guarded(folder, ACTED, MadeSafe(at_s=4.0, state="", trouble=("load: it does not answer",)))
    close(tmp_path)
    assert "NOT PROVEN: load: it does not answer" in folder.record.read_text(encoding="utf-8")


def test_what_the_guard_did_is_added_once_however_often_closing_was_interrupted(passed: bytes, tmp_path: Path) -> None:
    folder = died(tmp_path, lines_before(passed, MadeSafe))
    guarded(folder, ACTED, PROVEN)
    append(folder.journal, ACTED)
    close(tmp_path)
    assert list(read_journal(folder.journal, GuardActed, MadeSafe)) == [ACTED, PROVEN]


def test_a_guard_that_had_nothing_to_do_adds_nothing(passed: bytes, tmp_path: Path) -> None:
    folder = died(tmp_path, passed)
    guarded(folder)
    assert "closed as PASS" in close(tmp_path)[0]
    assert folder.journal.read_bytes() == passed


def test_a_run_whose_guard_is_still_at_work_is_closed_at_a_later_start(passed: bytes, tmp_path: Path) -> None:
    folder = died(tmp_path, lines_before(passed, MadeSafe))
    with held(guarded(folder, ACTED)):
        assert close(tmp_path) == []
        assert not folder.record.exists()
    assert "closed as ABORTED" in close(tmp_path)[0]


def test_stations_that_start_at_once_close_each_run_once(passed: bytes, tmp_path: Path) -> None:
    folders = [died(tmp_path, lines_before(passed, RunEnded)) for _ in range(20)]
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
    passed: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    died(tmp_path, lines_before(passed, RunEnded))

    @contextmanager
    def too_late(journal: Path) -> Iterator[None]:
        monkeypatch.setattr(recovery, "held", held)
        assert len(close(tmp_path)) == 1
        with held(journal):
            yield

    monkeypatch.setattr(recovery, "held", too_late)
    assert close(tmp_path) == []


def test_a_record_that_is_drawn_again_is_sent_again(passed: bytes, tmp_path: Path) -> None:
    folder = died(tmp_path, passed)
    close(tmp_path)
    folder.sent.write_bytes(b"{}\n")
    assert close(tmp_path) == []
    assert folder.sent.exists()
    folder.record.write_bytes(folder.record.read_bytes()[:-100])
    assert "had a damaged record" in close(tmp_path)[0]
    assert waiting_runs(tmp_path) == (folder,)
