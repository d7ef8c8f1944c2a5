"""Copies in a central store: each run once, to the byte, and nothing there is ever changed."""

from __future__ import annotations

import hashlib
import json
import socket
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stored_runs import SERIAL, finished, record, sent, simulation, stored

from station.model.record import Record, canonical_json
from station.records import RunFolder, held, waiting_runs
from station.records.central import StoreFailed, Unreachable, send


@pytest.fixture
def store(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'store.sqlite'}"


def test_a_run_arrives_to_the_byte(store: str, tmp_path: Path) -> None:
    folder = finished(tmp_path)
    content = folder.record.read_bytes()
    assert sent(store, folder) == [""]
    [row] = stored(store)
    assert row.record.encode() == content
    assert row.record_sha256 == hashlib.sha256(content).hexdigest()
    assert row.certificate == folder.certificate.read_bytes()
    assert row.certificate_sha256 == hashlib.sha256(row.certificate).hexdigest()
    told = (row.run, row.serial_number, row.product, row.sequence, row.verdict, row.purpose, row.bench)
    assert told == (folder.run, SERIAL, "bali48", "eol", "PASS", "production", "line-1")
    assert row.started_at.isoformat() == "2026-03-29T00:30:00"
    assert (row.simulated, row.partial) == (False, False)


def test_a_simulated_a_partial_and_a_run_without_certificate_say_so(store: str, tmp_path: Path) -> None:
    assert sent(store, finished(tmp_path, certificate=None, partial=True, simulation=simulation())) == [""]
    [row] = stored(store)
    assert (row.simulated, row.partial, row.certificate, row.certificate_sha256) == (True, True, None, None)


def test_what_was_sent_has_a_mark_and_waits_no_more(store: str, tmp_path: Path) -> None:
    later, first = finished(tmp_path, 2), finished(tmp_path, 1)
    assert waiting_runs(tmp_path) == (first, later)
    assert sent(store, first) == [""]
    assert waiting_runs(tmp_path) == (later,)
    mark = json.loads(first.sent.read_bytes())
    assert mark["store"] == store
    assert mark["record_sha256"] == hashlib.sha256(first.record.read_bytes()).hexdigest()
    assert mark["sent_at"].endswith("+00:00")
    assert first.sent.read_bytes() == canonical_json(mark)


def test_a_run_without_a_record_does_not_wait(tmp_path: Path) -> None:
    finished(tmp_path).record.unlink()
    assert waiting_runs(tmp_path) == ()
    assert waiting_runs(tmp_path / "nowhere") == ()


def test_a_run_sent_twice_is_there_once(store: str, tmp_path: Path) -> None:
    folder = finished(tmp_path)
    assert sent(store, folder, folder) == ["", ""]
    folder.certificate.write_bytes(b"signed again")
    assert sent(store, folder) == [""]
    assert [row.certificate for row in stored(store)] == [b"%PDF \x00\xff"]


def test_another_record_of_a_run_is_refused_and_the_others_are_sent(store: str, tmp_path: Path) -> None:
    first, other = finished(tmp_path / "here"), finished(tmp_path / "there", verdict="FAIL")
    later = finished(tmp_path / "there", 2)
    assert sent(store, first) == [""]
    assert sent(store, other, later) == [
        f"the store has another record of run {first.run}, which is not overwritten",
        "",
    ]
    assert [(row.run, row.verdict) for row in stored(store)] == [(first.run, "PASS"), (later.run, "PASS")]
    assert waiting_runs(tmp_path / "there") == (other,)


def spoil_record(folder: RunFolder) -> None:
    folder.record.write_bytes(folder.record.read_bytes()[:100])


def no_date(folder: RunFolder) -> None:
    folder.record.write_bytes(record(folder.run, started_at="yesterday").canonical())


def no_file(folder: RunFolder) -> None:
    folder.record.unlink()
    folder.record.mkdir()


def no_mark(folder: RunFolder) -> None:
    folder.sent.mkdir()


@pytest.mark.parametrize("spoil", [spoil_record, no_date, no_file, no_mark])
def test_what_is_wrong_with_one_run_keeps_no_other(
    spoil: Callable[[RunFolder], None], store: str, tmp_path: Path
) -> None:
    bad, good = finished(tmp_path, 1), finished(tmp_path, 2)
    spoil(bad)
    wrong, right = sent(store, bad, good)
    assert bad.run in wrong
    assert "\n" not in wrong
    assert right == ""


def test_a_run_that_another_process_holds_is_left_alone(store: str, tmp_path: Path) -> None:
    folder = finished(tmp_path)
    with held(folder.journal):
        assert sent(store, folder) == [f"run {folder.run} is held by another process"]
    assert sent(store, folder) == [""]


def test_a_store_that_cannot_be_reached_says_why_and_everything_waits(tmp_path: Path) -> None:
    folder = finished(tmp_path)
    with pytest.raises(Unreachable, match=r"^cannot be reached \(unable to open database file\)$"):
        sent(f"sqlite:///{tmp_path}/nowhere/store.sqlite", folder)
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        with pytest.raises(Unreachable, match=r"^cannot be reached \(Connection refused\)$"):
            sent(f"postgresql+psycopg://station@127.0.0.1:{bound.getsockname()[1]}/records", folder)
    assert waiting_runs(tmp_path) == (folder,)


def test_a_store_that_never_answers_is_given_up(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(Unreachable, match="timeout"):
        sent(f"postgresql+psycopg://station@127.0.0.1:{silent.getsockname()[1]}/records", finished(tmp_path))


def test_a_file_that_is_no_database_takes_nothing(store: str, tmp_path: Path) -> None:
    (tmp_path / "store.sqlite").write_bytes(b"no database, whatever it is called" * 100)
    with pytest.raises(StoreFailed, match=r"^takes no records \(file is not a database\)$"):
        sent(store, finished(tmp_path))


def test_two_stations_that_send_the_same_runs_to_a_new_store_at_once_are_both_right(store: str, tmp_path: Path) -> None:
    copies = [[finished(tmp_path / name, number) for number in range(20)] for name in ("one", "two")]
    ready, said = threading.Barrier(2), list[str]()

    def station(folders: list[RunFolder]) -> None:
        ready.wait(timeout=10)
        said.extend(sent(store, *folders))

    threads = [threading.Thread(target=station, args=(folders,)) for folders in copies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert said == [""] * 40
    assert len(stored(store)) == 20


@given(st.text(st.characters(exclude_categories=["Cs"])), st.binary(max_size=50))
def test_whatever_stands_in_a_record_arrives_as_it_is(words: str, certificate: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        data, store = Path(folder), f"sqlite:///{folder}/store.sqlite"
        run = finished(data, certificate=certificate, purpose=words, reason=words, operator=words)
        assert sent(store, run) == [""]
        [row] = stored(store)
        assert (row.purpose, row.certificate) == (words, certificate)
        assert row.record.encode() == run.record.read_bytes()
        assert Record.model_validate_json(row.record).reason == words


@given(st.lists(st.sampled_from(["run", "send", "offline", "die"]), max_size=12))
def test_however_often_the_store_is_away_every_run_arrives_once(course: list[str]) -> None:
    """`die`: the station dies between the commit and the mark of the last run that was sent."""
    with tempfile.TemporaryDirectory() as folder:
        data, store = Path(folder), f"sqlite:///{folder}/store.sqlite"
        for number, act in enumerate([*course, "run", "send"]):
            if act == "run":
                finished(data, number)
            elif act == "send":
                assert all(not each.trouble for each in send(store, waiting_runs(data)))
            elif act == "offline":
                with pytest.raises(Unreachable):
                    sent(f"sqlite:///{folder}/nowhere/store.sqlite", *waiting_runs(data))
            else:
                for mark in sorted(data.glob("runs/*/*/sent.json"))[-1:]:
                    mark.unlink()
        there = sorted(data.glob("runs/*/*/record.json"))
        assert [row.record.encode() for row in stored(store)] == [path.read_bytes() for path in there]
        assert waiting_runs(data) == ()
