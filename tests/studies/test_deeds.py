"""What people and computers do, carried out on a short sequence."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path
from sqlite3 import connect

import pytest

from station.model.fault import FaultFile
from station.model.files import Model
from station.model.verdict import Verdict
from station.records import RunFolder, central, lines, run_folders
from station.studies.deeds import CannotBeDone, Ending, Scene, do
from station.studies.rig import Station
from station.studies.simulation import DEFAULT_STATE, Simulated
from station.twin.states import read_state

SHORT = """\
sequence: short
title: As short as a test can be that writes a parameter and passes
pack: [bali48]
steps:
  - step: start
    gate: true
    press_key: start
    expect: [{answers: rs485_a}]
  - step: identity
    gate: true
    require: serial_number
  - step: write-back
    parameters: {write_back: cell_overvoltage.delay}
"""


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory) -> Station:
    path = tmp_path_factory.mktemp("sequences") / "short.yaml"
    path.write_text(SHORT, encoding="utf-8")
    return Station.of(str(path))


def done(station: Station, data: Path, seed: int = 1, **deed: object) -> Ending:
    """The end of a run in which this was done."""
    fault = FaultFile.model_validate({"fault": "deed", "title": "Done", "class": "operator", "do": deed})
    assert fault.do is not None
    state = read_state(DEFAULT_STATE)
    return do(fault.do, Scene(station, Simulated(state, (fault,), seed), "BALI48-000001", data))


def test_another_label_is_scanned(station: Station, tmp_path: Path) -> None:
    ending = done(station, tmp_path, scan="BALI48-999999")
    assert (ending.verdict, ending.step) == (Verdict.BLOCKED, "identity")


def test_a_label_of_no_product_is_refused_before_the_run(station: Station, tmp_path: Path) -> None:
    ending = done(station, tmp_path, scan="COFFEE-1")
    assert (ending.verdict, ending.step) == (Verdict.BLOCKED, "start-checks")
    assert not (tmp_path / "runs").exists()


def test_a_pack_that_passed_is_tested_again(station: Station, tmp_path: Path) -> None:
    ending = done(station, tmp_path, repeat=True)
    assert (ending.verdict, ending.step) == (Verdict.BLOCKED, "start-checks")
    assert "passed already" in ending.reason


def test_the_operator_stops_a_step(station: Station, tmp_path: Path) -> None:
    ending = done(station, tmp_path, stop_at="identity")
    assert (ending.verdict, ending.step) == (Verdict.ABORTED, "identity")


def test_a_killed_run_is_found_and_closed(station: Station, tmp_path: Path) -> None:
    ending = done(station, tmp_path, kill_at="start")
    assert (ending.verdict, ending.step) == (Verdict.ABORTED, "start")
    assert ending.record is not None


def test_a_power_loss_tears_the_journal_and_loses_no_flushed_line(station: Station, tmp_path: Path) -> None:
    ending = done(station, tmp_path, power_loss_at="start")
    assert ending.verdict is Verdict.ABORTED
    journal = next(tmp_path.glob("runs/*/*/journal.jsonl"))
    events = list(lines(journal.read_bytes()))
    assert None in events
    assert events[0] is not None
    assert events[0].durable


def test_a_step_that_never_comes_cannot_be_the_place_of_a_death(station: Station, tmp_path: Path) -> None:
    with pytest.raises(CannotBeDone, match="never came to nowhere"):
        done(station, tmp_path, kill_at="nowhere")


@pytest.mark.parametrize("kind", ["full", "read_only"])
def test_a_disk_that_takes_nothing_is_an_error_from_the_start_and_later(
    kind: str, station: Station, tmp_path: Path
) -> None:
    for step in (None, "identity"):
        data = tmp_path / str(step)
        data.mkdir()
        ending = done(station, data, disk=kind, at_step=step)
        assert ending.verdict is Verdict.ERROR, step
        assert ending.reason


def test_another_run_holds_the_bench(station: Station, tmp_path: Path) -> None:
    ending = done(station, tmp_path, hold="bench")
    assert (ending.verdict, ending.step) == (Verdict.BLOCKED, "start-checks")
    assert "another station" in ending.reason


def test_a_calibration_has_run_out(station: Station, tmp_path: Path) -> None:
    ending = done(station, tmp_path, edit="calibration")
    assert (ending.verdict, ending.step) == (Verdict.BLOCKED, "start-checks")
    assert "calibration" in ending.reason


@pytest.mark.parametrize(("jump", "hours"), [("back 1 h", -1), ("forward 1 h", 1)])
def test_a_clock_that_jumps_shows_in_the_dates_and_in_no_duration(
    jump: str, hours: int, station: Station, tmp_path: Path
) -> None:
    record = done(station, tmp_path, clock=jump, at_step="identity").record
    assert record is not None
    apart = datetime.fromisoformat(record.ended_at) - datetime.fromisoformat(record.started_at)
    assert abs(apart.total_seconds() / 3600 - hours) < 0.1
    assert record.verdict is Verdict.PASS
    assert 0 < record.bench_time_s < 60


def test_an_altered_certificate_is_refused(station: Station, tmp_path: Path) -> None:
    ending = done(station, tmp_path, tamper="certificate")
    assert (ending.verdict, ending.step) == (Verdict.PASS, "verify")


def test_what_nobody_can_do_is_said_so(station: Station, tmp_path: Path) -> None:
    class Unheard(Model):
        """Something new."""

    with pytest.raises(CannotBeDone, match="no occasion"):
        do(Unheard(), Scene(station, Simulated(read_state(DEFAULT_STATE), (), 1), "BALI48-000001", tmp_path))


def test_a_store_that_cannot_be_reached_gets_the_record_later(station: Station, tmp_path: Path) -> None:
    ending = done(station, tmp_path, store="unreachable")
    assert (ending.verdict, ending.reason) == (Verdict.PASS, "")
    assert ending.record is not None
    [folder] = run_folders(tmp_path)
    with closing(connect(tmp_path / "store.sqlite")) as store:
        assert store.execute("SELECT run, record FROM runs").fetchall() == [
            (ending.record.run, folder.record.read_text("utf-8"))
        ]
    assert folder.sent.exists()


real_send = central.send


def takes_all(store: str, folders: Iterable[RunFolder]) -> Iterator[central.Sending]:
    """Say that everything was sent, wherever to."""
    return map(central.Sending, folders)


def only_marks(store: str, folders: Iterable[RunFolder]) -> Iterator[central.Sending]:
    """Mark as sent what was not."""
    for folder in folders:
        folder.sent.write_bytes(b"{}\n")
    raise central.Unreachable


def alters_all(store: str, folders: Iterable[RunFolder]) -> Iterator[central.Sending]:
    """Send another record than the run has, and nothing at all where nobody listens."""
    if store.startswith("postgresql"):
        raise central.Unreachable
    for folder in folders:
        folder.record.write_bytes(folder.record.read_bytes().replace(b"PASS", b"FAIL"))
        yield from real_send(store, [folder])
        folder.record.write_bytes(folder.record.read_bytes().replace(b"FAIL", b"PASS"))


@pytest.mark.parametrize(
    ("sends", "reason"),
    [
        (takes_all, "a store that cannot be reached took 1 runs"),
        (only_marks, "no run waits for the central store"),
        (alters_all, "1 runs waited for the central store, and 1 arrived whole"),
    ],
)
def test_a_record_that_is_lost_on_the_way_to_the_store_is_an_error(
    sends: object, reason: str, station: Station, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(central, "send", sends)
    ending = done(station, tmp_path, store="unreachable")
    assert ending.verdict is Verdict.ERROR
    assert ending.reason.startswith(reason)


def test_where_nobody_is_asked_a_yes_changes_nothing(station: Station, tmp_path: Path) -> None:
    assert done(station, tmp_path, answers="always yes").verdict is Verdict.PASS


@pytest.mark.parametrize(
    ("answers", "verdict"),
    [("none", Verdict.ABORTED), ("always yes", Verdict.ABORTED), ("without doing", Verdict.ERROR)],
)
def test_a_person_who_does_not_press_the_key_fails_no_pack(
    station: Station, tmp_path: Path, answers: str, verdict: Verdict
) -> None:
    ending = done(station, tmp_path, answers=answers, by_operator="key")
    assert (ending.verdict, ending.step) == (verdict, "start")


def test_the_golden_pack_is_tested_as_such(station: Station, tmp_path: Path) -> None:
    ending = done(station, tmp_path, golden=True)
    assert ending.verdict is Verdict.PASS
    assert ending.record is not None
    assert (ending.record.serial_number, ending.record.purpose) == ("BALI48-900001", "golden")


def test_limits_that_were_edited_after_they_were_approved_block_the_run(station: Station, tmp_path: Path) -> None:
    ending = done(station, tmp_path, edit="limits")
    assert (ending.verdict, ending.step) == (Verdict.BLOCKED, "start-checks")
    assert "pack/bali48" in ending.reason
