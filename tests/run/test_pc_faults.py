"""What happens to the computer of the station is never put down to the pack, and the bench is made safe."""

from __future__ import annotations

import errno
import json
import os
import platform
import re
import shutil
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from bench_runs import SERIAL, Ran, Rig, assert_left_safe, rig, when
from short_sequences import IDENTITY, START, WINDOW, WRITE_BACK, sequence_file

import station.cli.run as command
from station import disk
from station.actions import opening
from station.actions.opening import WIDEST_GAP
from station.bench import leased, resources
from station.cli.main import status
from station.model.events import (
    DateJumped,
    Event,
    MadeSafe,
    OriginalsKept,
    OutputChanging,
    ParametersChanging,
    ParametersRestored,
    RunEnded,
    StepEnded,
)
from station.model.record import Record
from station.records import NotWritable, RunFolder, new_run, read_journal, run_folders
from station.records.store import LEAST_FREE

FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
DRAW = """\
  - step: draw
    under: {discharge: probe}
    measure: [pack_voltage_error]
"""
SHIFTED_TRIP = """\
  - step: discharge
    under: {discharge: standard}
    steps:
      - step: trip
        trip: [discharge_overtemperature]
        by: shift
"""


@pytest.fixture(scope="module")
def sequences(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """Short sequences, by name: a parameter is written and current flows; a protection is tripped by a shift."""
    folder = tmp_path_factory.mktemp("sequences")
    after_identity = {"short": (WRITE_BACK, DRAW), "trip": (SHIFTED_TRIP,)}
    return {
        name: sequence_file(folder, name, START, WINDOW, IDENTITY, *steps) for name, steps in after_identity.items()
    }


# ---------------------------------------------------------------------------------------------- the disk


class Disk:
    """A disk that takes no more, or cannot be flushed, from some moment on and for so many times."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.full = self.deaf = 0
        self._write, self._flush = disk.write_all, os.fsync
        patch.setattr(disk, "write_all", self.write)
        patch.setattr(os, "fsync", self.flush)

    def write(self, handle: int, content: bytes) -> None:
        if self.full:
            self.full -= 1
            self._write(handle, content[: len(content) // 2])
            raise FULL
        self._write(handle, content)

    def flush(self, handle: int) -> None:
        if self.deaf:
            self.deaf -= 1
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        self._flush(handle)


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(monkeypatch)


MOMENTS = [OutputChanging, OriginalsKept, ParametersChanging, ParametersRestored, StepEnded, MadeSafe]
FOR_GOOD = 10**9


@pytest.mark.parametrize("times", [1, FOR_GOOD], ids=["for a moment", "for good"])
@pytest.mark.parametrize("trouble", ["full", "deaf"])
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_disk_that_fails_in_the_middle_is_error_and_bench_and_pack_are_left_as_they_must(
    moment: type[Event], trouble: str, times: int, played: Disk, sequences: Mapping[str, str], tmp_path: Path
) -> None:
    verdict = ""
    with rig(sequence=sequences["short"]) as bench:
        before = {}
        when(bench, OutputChanging, lambda: before.update(bench.twin.bms.memory.words))
        when(bench, moment, lambda: setattr(played, trouble, times))
        try:
            verdict = bench.run(tmp_path).record.verdict
        except OSError:
            assert times == FOR_GOOD
        assert_left_safe(bench.twin)
        after = dict(bench.twin.bms.memory.words)
    changed = {key for key in before if before[key] != after[key]}
    assert not changed & set(originals(tmp_path)), "every parameter that the run writes is as it was found"
    (folder,) = run_folders(tmp_path)
    if times == FOR_GOOD:
        assert not folder.record.exists()
        ends = [event.verdict for event in read_journal(folder.journal, RunEnded) if isinstance(event, RunEnded)]
        assert not ends if trouble == "full" else ends[-1] == "ERROR", "who reads it at the next start finds no PASS"
    else:
        assert verdict == "ERROR"
        record = Record.model_validate_json(folder.record.read_bytes())
        assert "it cannot be written" in record.reason or "could not be stored" in record.reason


def originals(data: Path) -> set[int]:
    return {
        int(address)
        for folder in run_folders(data)
        for event in read_journal(folder.journal, OriginalsKept)
        if isinstance(event, OriginalsKept)
        for address in event.words
    }


def test_what_follows_a_line_that_did_not_fit_can_be_read(
    played: Disk, sequences: Mapping[str, str], tmp_path: Path
) -> None:
    with rig(sequence=sequences["short"]) as bench:
        when(bench, ParametersRestored, lambda: setattr(played, "full", 1))
        ran = bench.run(tmp_path)
    *_, safe, end = read_journal(ran.folder.journal)
    assert isinstance(safe, MadeSafe)
    assert isinstance(end, RunEnded)
    assert end.verdict == "ERROR"


def test_a_disk_that_is_nearly_full_is_said_before_anything_is_touched(
    sequences: Mapping[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = SimpleNamespace(free=LEAST_FREE - 1)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with rig(sequence=sequences["short"]) as bench:
        with pytest.raises(NotWritable, match="a run needs 20 MB"):
            bench.run(tmp_path)
        assert not any(sum(count) for count in bench.twin.server.counts.values())


@pytest.mark.parametrize("refuses", [errno.EROFS, errno.EACCES, errno.ENOSPC])
def test_a_folder_that_takes_nothing_is_wrong_usage_before_anything_is_touched(
    refuses: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused(*_: object) -> None:
        raise OSError(refuses, os.strerror(refuses))

    monkeypatch.setattr("station.records.store.disk.create", refused)
    monkeypatch.setenv("STATION_KEYS", str(tmp_path / "keys"))
    monkeypatch.setattr(command, "_keys", lambda bench: None)
    assert status(["run", "eol", "--serial", SERIAL, "--bench", "simulated", "--data", str(tmp_path)]) == 2
    line = capsys.readouterr().err.strip().splitlines()[-1]
    assert line == f"data folder {tmp_path} cannot be written: {os.strerror(refuses)}"
    assert not list(run_folders(tmp_path))


@pytest.mark.parametrize("what", ["certificate", "record"])
def test_a_pass_that_cannot_be_stored_is_error_in_the_journal_the_record_and_the_exit_status(
    what: str,
    sequences: Mapping[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    true, refused = disk.replace, [what]

    def replace(path: Path, content: bytes, mode: int = 0o644) -> None:
        if refused and what in path.name:
            refused.clear()
            raise FULL
        true(path, content, mode)

    monkeypatch.setattr(disk, "replace", replace)
    typed = ["run", sequences["short"], "--serial", SERIAL, "--bench", "simulated", "--data", str(tmp_path), "--json"]
    assert status(typed) == 3
    said = json.loads(capsys.readouterr().out)
    (folder,) = run_folders(tmp_path)
    record = Record.model_validate_json(folder.record.read_bytes())
    assert said["verdict"] == record.verdict == "ERROR"
    assert said["reason"] == record.reason == f"the evidence could not be stored: {FULL}"
    assert said["certificate"] is None
    assert not folder.certificate.exists()


# ---------------------------------------------------------------------------------------------- the processor


@pytest.mark.parametrize("after", [0.1, 0.4, 0.7, 1.0], ids=["write", "early", "late", "opening"])
def test_a_stall_in_the_middle_of_a_trip_is_error_and_never_a_trip_time(
    after: float, sequences: Mapping[str, str], tmp_path: Path
) -> None:
    with rig(sequence=sequences["trip"]) as bench:
        shifted: list[float] = []
        bench.listeners.append(lambda event: shifted.append(bench.clock.now()) if _trips(event) else None)
        bench.at("discharge/trip", lambda: bench.clock.wait(0.5), lambda: stalls_at(bench, shifted, after))
        ran = bench.run(tmp_path)
        assert_left_safe(bench.twin)
    assert ran.record.verdict == "ERROR", ran.record.reason
    assert "the station saw nothing for" in ran.record.reason
    assert not [each for each in ran.record.measurements if each.name.endswith("_time")]
    assert ran.record.thresholds == "restored and read back"


def _trips(event: Event) -> bool:
    """Whether a threshold is about to be written at which the pack must act."""
    return isinstance(event, ParametersChanging) and "beyond the live value" in event.why


def stalls_at(bench: Rig, shifted: list[float], after: float) -> bool:
    return bool(shifted) and bench.clock.now() >= shifted[0] + after


def test_without_a_stall_the_same_trip_passes_and_its_time_is_known_to_less_than_the_widest_gap(
    sequences: Mapping[str, str], tmp_path: Path
) -> None:
    with rig(sequence=sequences["trip"]) as bench:
        ran = bench.run(tmp_path)
    assert ran.record.verdict == "PASS", ran.record.reason
    (time,) = [each for each in ran.record.measurements if each.name.endswith("_time")]
    assert time.uncertainty is not None
    assert time.uncertainty < opening.STIMULUS_WITHIN / 2 + WIDEST_GAP


# ---------------------------------------------------------------------------------------------- the date


@pytest.mark.parametrize("hours", [-48, 7])
def test_a_date_that_is_set_during_a_run_changes_nothing_but_a_line_that_says_so(
    hours: int, sequences: Mapping[str, str], tmp_path: Path
) -> None:
    records = [one_run(sequences["short"], tmp_path / str(jump), timedelta(hours=jump)) for jump in (0, hours)]
    straight, jumped = records
    assert jumped.record.verdict == straight.record.verdict == "PASS"
    assert jumped.record.bench_time_s == straight.record.bench_time_s
    assert jumped.record.measurements == straight.record.measurements
    (event,) = [event for event in jumped.events if isinstance(event, DateJumped)]
    assert event.seconds == pytest.approx(hours * 3600, abs=0.5)
    (warning,) = set(jumped.record.warnings) - set(straight.record.warnings)
    way = "forward" if hours > 0 else "back"
    assert warning.startswith(f"The date of the station's computer was set {way} by {abs(hours) * 3600} s")


def one_run(sequence: str, data: Path, jump: timedelta) -> Ran:
    with rig(sequence=sequence) as bench:
        true = bench.scopes.utc
        bench.at("identity", lambda: setattr(bench.scopes, "utc", lambda: true() + jump))
        return bench.run(data)


def test_a_run_sorts_after_every_earlier_one_of_its_pack_though_the_date_was_set_back(tmp_path: Path) -> None:
    ahead = RunFolder(tmp_path / "runs" / SERIAL / "20991231T235959999Z-ffffffff")
    ahead.path.mkdir(parents=True)
    later = [new_run(tmp_path, SERIAL).run for _ in range(3)]
    assert later == sorted(later)
    assert later[0].startswith("21000101T000000000Z-")
    assert not new_run(tmp_path, "BALI48-000002").run.startswith("21")


# ---------------------------------------------------------------------------------------------- two stations


def test_whoever_reaches_for_a_bench_in_use_is_told_who_has_it_and_since_when(
    sequences: Mapping[str, str], tmp_path: Path
) -> None:
    with rig(sequence=sequences["short"]) as bench, leased(resources(bench.served, 1), "run 20260101T000000000Z-1"):
        ran = bench.run(tmp_path)
    assert ran.record.verdict == "BLOCKED"
    holder = (
        rf"run 20260101T000000000Z-1, process {os.getpid()} on {re.escape(platform.node())}, since \d{{4}}-\d\d-\d\d "
    )
    assert re.search(holder, ran.record.reason), ran.record.reason
