"""The power goes at any byte: the next start succeeds, says what it found, and loses only the unflushed tail."""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import dead_runs
import pytest
from bench_runs import SERIAL, rig
from short_sequences import START, WRITE_BACK, sequence_file

from station.cli.certify import sign_certificate
from station.disk import DRAFT
from station.guard import JOURNAL as GUARD
from station.model.events import GuardActed, GuardReady, MadeSafe
from station.model.library import Library
from station.model.record import Record
from station.records import Illegible, RunFolder, lines, unrestored
from station.report.issue import KeyStoreError
from station.report.keys import KeyStore
from station.report.verify import verify
from station.report.whole import LONGEST_END, is_whole
from station.run import recovery
from station.run.plan import Files

RUN = "20260101T000000000Z-00000001"
JOURNAL, RECORD, CERTIFICATE = "journal.jsonl", "record.json", "certificate.pdf"
LAST = 4096
"""Bytes at the end of each file at every one of which the power is cut (the station's specification)."""
EVERY = 64
"""Of these, every how many also with the rest of the file full of zeros, as file systems leave it."""
ACTED = GuardActed(at_s=9.5, when="2026-01-01T00:00:09.500+00:00", why="the process of the run died", killed=True)
BARE = Files(Library.default()).pack("bali48").model_copy(update={"requirement": {}})


@dataclass(frozen=True)
class Scene:
    """What lay in the folder of a run, by name, when the power went."""

    files: Mapping[str, bytes]

    def damaged(self) -> Iterator[tuple[str, bytes]]:
        """Each file that is no draft cut at every byte of its end, a journal at every line; some full of zeros then."""
        for name, content in self.files.items():
            if name.endswith(DRAFT):
                continue
            last = range(max(0, len(content) - LAST), len(content))
            lines = [at for at in range(last.start) if content[at] == ord("\n")] if name == JOURNAL else []
            for cut in sorted({*last, *lines, *(at + 1 for at in lines)}):
                yield name, content[:cut]
                if cut % EVERY == 0:
                    yield name, content[:cut] + bytes(len(content) - cut)

    def lay(self, data: Path, name: str, content: bytes) -> RunFolder:
        """The folder, and nothing else in it, with one file as damaged."""
        folder = RunFolder(data / "runs" / SERIAL / RUN)
        folder.path.mkdir(parents=True, exist_ok=True)
        for path in folder.path.iterdir():
            if path.name not in self.files and path.name != name:
                path.unlink()
        for each, whole in {**self.files, name: content}.items():
            (folder.path / each).write_bytes(whole)
        return folder


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, bytes]:
    """The files of a short run that went well; its certificate is a real one."""
    sequence = sequence_file(tmp_path_factory.mktemp("sequence"), "shifting", START, WRITE_BACK)
    with rig(sequence=sequence) as bench:
        ran = bench.run(tmp_path_factory.mktemp("whole"))
    assert ran.record.verdict == "PASS", ran.record.reason
    keys = KeyStore(tmp_path_factory.mktemp("signing"))
    keys.init("station", "power loss")
    pdf = sign_certificate(ran.record, ran.folder, keys, Library.default()).read_bytes()
    return {JOURNAL: ran.folder.journal.read_bytes(), RECORD: ran.folder.record.read_bytes(), CERTIFICATE: pdf}


def finished(whole: Mapping[str, bytes]) -> Scene:
    return Scene({**whole, CERTIFICATE: dead_runs.CERTIFICATE})


def dead_in_mid_shift(whole: Mapping[str, bytes]) -> Scene:
    """The process died between the write and the write-back; its guard made the bench safe."""
    guard = (GuardReady(at_s=0.0, process=1), ACTED, MadeSafe(at_s=9.7, state="load off, supply off"))
    said = "".join(f"{event.model_dump_json()}\n" for event in guard).encode()
    return Scene({JOURNAL: before_the_way_back(whole[JOURNAL]), GUARD: said})


def dead_while_closing(whole: Mapping[str, bytes], data: Path) -> Scene:
    """The start that closed it died between certificate and record, and left drafts of both."""
    folder = dead_in_mid_shift(whole).lay(data, JOURNAL, before_the_way_back(whole[JOURNAL]))
    assert close(data)
    return Scene(
        {
            JOURNAL: folder.journal.read_bytes(),
            CERTIFICATE: dead_runs.CERTIFICATE,
            f".{RECORD}.x7{DRAFT}": folder.record.read_bytes()[:1000],
            f".{CERTIFICATE}.x8{DRAFT}": b"%PDF",
        }
    )


def before_the_way_back(journal: bytes) -> bytes:
    return journal[: journal.rindex(b"\n", 0, journal.index(b'"parameters_restored"')) + 1]


def close(data: Path) -> list[str]:
    """What the station says when it starts."""
    return dead_runs.close(data, lambda name: BARE)


@pytest.fixture
def no_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Thousands of starts: what has reached the disk is played here, not waited for."""
    monkeypatch.setattr(os, "fsync", lambda handle: None)


@pytest.mark.usefixtures("no_disk")
@pytest.mark.parametrize("scene", ["finished", "dead in mid-shift", "dead while closing"])
def test_wherever_the_power_goes_the_next_start_says_what_it_found_and_loses_no_whole_line(
    scene: str, whole: Mapping[str, bytes], tmp_path: Path
) -> None:
    scenes = {"finished": finished, "dead in mid-shift": dead_in_mid_shift}
    played = scenes[scene](whole) if scene in scenes else dead_while_closing(whole, tmp_path / "before")
    starts = 0
    for name, content in played.damaged():
        starts += 1
        folder = played.lay(tmp_path, name, content)
        journal = folder.journal.read_bytes()
        said = close(tmp_path)
        assert_said(said, played, name, content)
        assert_nothing_lost(folder, journal)
        assert_no_verdict_of_its_own(folder, journal, played)
        assert owes(tmp_path) >= owed_by(journal), (name, len(content))
        assert not list(folder.path.glob(f".*{DRAFT}")) or not said or "left alone" in said[0]
        if starts % EVERY == 0:
            read = [event.model_dump(mode="json") for event in lines(folder.journal.read_bytes()) if event is not None]
            assert read == said_in(folder.journal.read_bytes()), "the station reads what is there"
            assert close(tmp_path) == [line for line in said if "left alone" in line or "lost its end" in line]
    assert starts > 4000


def assert_said(said: list[str], played: Scene, name: str, content: bytes) -> None:
    """One line that names the run; none only where a run that was over has lost nothing but a line feed."""
    if not said:
        assert RECORD in played.files
        assert name == JOURNAL
        assert content == played.files[JOURNAL][:-1] or content[:-1] == played.files[JOURNAL][:-1]
        return
    (line,) = said
    assert f"{SERIAL}/{RUN}" in line
    assert len(line) <= recovery.LONGEST_LINE


def assert_nothing_lost(folder: RunFolder, journal: bytes) -> None:
    """The journal only grows, and every line that was whole is still one."""
    after = folder.journal.read_bytes()
    assert after.startswith(journal)
    assert said_in(after)[: len(said_in(journal))] == said_in(journal)


def assert_no_verdict_of_its_own(folder: RunFolder, journal: bytes, played: Scene) -> None:
    """A record is whole and says what the journal still says; a verdict whose line was lost is ABORTED."""
    if not folder.record.exists():
        assert not said_in(journal)
        return
    content = folder.record.read_bytes()
    verdict = verdict_of(content)
    if content == played.files.get(RECORD):
        return
    ends = [event["verdict"] for event in said_in(journal) if event["event"] == "run_ended"]
    assert verdict == (ends[0] if ends else "ABORTED")


@functools.lru_cache
def verdict_of(record: bytes) -> str:
    """The verdict of a record that is whole."""
    read = Record.model_validate_json(record)
    assert record == read.canonical()
    return read.verdict


def owed_by(journal: bytes) -> bool:
    """Whether a pack is owed its thresholds, read without the station: a change was the last word on them."""
    words = ("originals_kept", "parameters_changing", "parameters_restored")
    said = [event["event"] for event in said_in(journal) if event["event"] in words]
    return bool(said) and said[-1] != "parameters_restored"


def owes(data: Path) -> bool:
    try:
        return unrestored(data, SERIAL, simulated=False) is not None
    except Illegible:
        return True


def said_in(journal: bytes) -> list[dict[str, object]]:
    """The lines of a journal that are JSON, read without the station."""
    return [event for event in map(event_in, journal.split(b"\n")) if event is not None]


@functools.lru_cache(1024)
def event_in(line: bytes) -> dict[str, object] | None:
    try:
        event: dict[str, object] = json.loads(line)
    except ValueError:
        return None
    return event


# ---------------------------------------------------------------------------------------------- in the middle


def without_line(journal: bytes, number: int) -> bytes:
    kept = journal.splitlines(keepends=True)
    kept[number] = bytes(len(kept[number]) - 1) + b"\n"
    return b"".join(kept)


@pytest.mark.usefixtures("no_disk")
def test_a_line_that_is_damaged_in_the_middle_is_said_and_carries_no_verdict(
    whole: Mapping[str, bytes], tmp_path: Path
) -> None:
    count = whole[JOURNAL].count(b"\n")
    for number in range(1, count - 1):
        folder = Scene({}).lay(tmp_path, JOURNAL, without_line(whole[JOURNAL], number))
        (said,) = close(tmp_path)
        assert f"line {number + 1} of the journal is damaged" in said
        record = Record.model_validate_json(folder.record.read_bytes())
        assert record.verdict == "ERROR"
        assert f"Line {number + 1} of the journal is damaged: what it said is missing here." in record.warnings
        assert close(tmp_path) == []


def test_a_run_that_died_says_which_of_its_lines_are_damaged(whole: Mapping[str, bytes], tmp_path: Path) -> None:
    journal = before_the_way_back(whole[JOURNAL])
    Scene({}).lay(tmp_path, JOURNAL, without_line(without_line(journal, 3), 5) + b'{"torn')
    (said,) = close(tmp_path)
    assert "closed as ABORTED" in said
    assert "3 lines of the journal are damaged, the first is line 4" in said


@pytest.mark.parametrize("lost", [b'"originals_kept"', b'"run_started"'])
def test_a_journal_that_lost_what_a_pack_is_owed_blocks_the_pack(
    lost: bytes, whole: Mapping[str, bytes], tmp_path: Path
) -> None:
    journal = before_the_way_back(whole[JOURNAL])
    numbers = [number for number, line in enumerate(journal.splitlines()) if lost in line]
    Scene({}).lay(tmp_path, JOURNAL, without_line(journal, numbers[0]))
    with pytest.raises(Illegible, match=RUN):
        unrestored(tmp_path, SERIAL, simulated=False)
    why = recovery.why_blocked(tmp_path, SERIAL, "line-1", simulated=False)
    assert "nobody can tell whether this pack has its thresholds" in why


def test_a_debt_that_only_the_record_remembers_is_not_forgotten(whole: Mapping[str, bytes], tmp_path: Path) -> None:
    journal = before_the_way_back(whole[JOURNAL])
    folder = Scene({}).lay(tmp_path, JOURNAL, journal)
    close(tmp_path)
    assert owes(tmp_path)
    folder.journal.write_bytes(journal[: journal.index(b"\n") + 1])
    with pytest.raises(Illegible, match="has lost the thresholds"):
        unrestored(tmp_path, SERIAL, simulated=False)


def test_only_the_last_runs_are_looked_at_again(
    whole: Mapping[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recovery, "LATELY", 2)
    for number in range(4):
        path = tmp_path / "runs" / SERIAL / f"{RUN[:-1]}{number}"
        path.mkdir(parents=True)
        (path / JOURNAL).write_bytes(whole[JOURNAL])
        (path / RECORD).write_bytes(whole[RECORD][:-3])
    assert [line.split(" ")[1][-1] for line in close(tmp_path)] == ["2", "3"]


# ---------------------------------------------------------------------------------------------- certificate and key


def test_a_certificate_that_was_cut_anywhere_is_not_whole_and_never_genuine(
    whole: Mapping[str, bytes], tmp_path: Path
) -> None:
    pdf = whole[CERTIFICATE]

    def shows_whole(content: bytes) -> bool:
        return is_whole(len(content), content[-LONGEST_END:])

    assert shows_whole(pdf)
    for cut in range(len(pdf) - LAST, len(pdf)):
        assert not shows_whole(pdf[:cut])
        assert not shows_whole(pdf[:cut] + bytes(len(pdf) - cut))
    for end in (at + 6 for at in range(len(pdf) - 6) if pdf.startswith(b"%%EOF\n", at)):
        assert not shows_whole(pdf[:end]), "an earlier end of the file is none"
    path = tmp_path / CERTIFICATE
    for cut in range(len(pdf) - LAST, len(pdf), 512):
        path.write_bytes(pdf[:cut])
        assert not verify(path, ()).genuine


def test_a_key_that_was_cut_anywhere_signs_nothing_and_is_never_replaced_in_silence(tmp_path: Path) -> None:
    store = KeyStore(tmp_path)
    store.init("station", "power loss")
    store.keys("simulated")
    for kind in ("station", "simulated"):
        for name in ("key.pem", "certificates.pem"):
            path = tmp_path / kind / name
            content = path.read_bytes()
            for cut in range(0, len(content) - 1, 1 if name == "key.pem" else 8):
                path.write_bytes(content[:cut])
                with pytest.raises(KeyStoreError, match=r"cannot be used.*put it back from a copy, or ") as caught:
                    store.keys("station" if kind == "station" else "simulated")
                assert "\n" not in str(caught.value)
                assert path.read_bytes() == content[:cut]
            path.write_bytes(content)
    assert len(store.trusted()) == 2


def test_a_damaged_set_of_keys_is_set_aside_when_it_is_replaced(tmp_path: Path) -> None:
    store = KeyStore(tmp_path)
    store.init("station", "power loss")
    for damage in ("certificates.pem", "key.pem"):
        path = tmp_path / "station" / damage
        path.write_bytes(path.read_bytes()[:50])
        assert store.init("station", "again", replace=True) == store.keys("station").certificates
    (aside,) = tmp_path.glob("station-damaged-*")
    assert (aside / "certificates.pem").stat().st_size == 50
    assert len(store.trusted()) == 2, "the new set, and the one whose private key was damaged"


def test_the_power_goes_between_the_end_of_an_old_key_and_the_beginning_of_the_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = KeyStore(tmp_path)
    old = store.init("station", "power loss")
    monkeypatch.setattr(KeyStore, "_install", lambda *_: pytest.exit)
    store.init("station", "again", replace=True)
    with pytest.raises(KeyStoreError, match="no station key here; make one with `station keys init`"):
        store.keys("station")
    assert store.trusted() == (old,)
