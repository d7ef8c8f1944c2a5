"""The central store in a factory: a real PostgreSQL, which goes away and comes back."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from postgres import Server, postgresql
from sqlalchemy import Connection, create_engine, text
from stored_runs import finished, sent, stored

from station.records import central, waiting_runs
from station.records.central import RUNS, StoreFailed, Unreachable, send

pytestmark = pytest.mark.xdist_group("postgresql")
NEED = Path(__file__).parents[1] / "need-debian-packages"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with postgresql() as running:
        yield running


@pytest.fixture
def store(server: Server, request: pytest.FixtureRequest) -> str:
    """A database that is new and empty."""
    name = f"records_{abs(hash(request.node.nodeid)):x}"
    server.execute(f"CREATE DATABASE {name}")
    return server.url(name)


@contextmanager
def connected(store: str) -> Iterator[Connection]:
    engine = create_engine(store)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def wait_until_blocked(connection: Connection) -> None:
    """Until another session of this database waits for a lock, asked of the server itself."""
    waits = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    while not connection.execute(waits).scalar_one():
        connection.execute(text("SELECT pg_stat_clear_snapshot(), pg_sleep(0.01)"))


def test_the_packages_that_the_tests_need_are_asked_for_once_and_then_no_more() -> None:
    for _ in range(2):
        done = subprocess.run([NEED], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == ""


def test_a_run_arrives_to_the_byte_and_once_however_often_it_is_sent(store: str, tmp_path: Path) -> None:
    folder = finished(tmp_path)
    assert sent(store, folder, folder) == ["", ""]
    folder.sent.unlink()
    assert sent(store, folder) == [""]
    [row] = stored(store)
    assert row.record.encode() == folder.record.read_bytes()
    assert row.certificate == folder.certificate.read_bytes()
    assert row.started_at == datetime(2026, 3, 29, 0, 30, tzinfo=UTC)
    assert waiting_runs(tmp_path) == ()


def test_another_record_of_a_run_is_refused(store: str, tmp_path: Path) -> None:
    first, other = finished(tmp_path / "here"), finished(tmp_path / "there", verdict="FAIL")
    assert sent(store, first, other)[1].startswith("the store has another record")
    assert [row.verdict for row in stored(store)] == ["PASS"]


def test_stations_that_send_the_same_runs_to_a_new_store_at_once_are_all_right(store: str, tmp_path: Path) -> None:
    names = ("one", "two", "three")
    copies = [[finished(tmp_path / name, number) for number in range(50)] for name in names]
    ready = threading.Barrier(len(names))

    def station(number: int) -> list[str]:
        ready.wait(timeout=10)
        return sent(store, *copies[number])

    with ThreadPoolExecutor(len(names)) as stations:
        assert list(stations.map(station, range(len(names)))) == [[""] * 50] * len(names)
    assert len(stored(store)) == 50


@pytest.mark.parametrize(("verdict", "said"), [("PASS", ""), ("FAIL", "the store has another record")])
def test_a_run_that_another_station_is_just_sending_is_waited_for(
    verdict: str, said: str, store: str, tmp_path: Path
) -> None:
    """The other one has inserted it and not yet committed: only then can anybody tell whether it is the same."""
    sent(store, finished(tmp_path, 1))
    mine, theirs = finished(tmp_path / "mine", 2), finished(tmp_path / "theirs", 2, verdict=verdict)
    with connected(store) as other, connected(store) as watch, ThreadPoolExecutor(1) as station:
        other.execute(RUNS.insert().values(central._row(theirs)))
        sending: Future[list[str]] = station.submit(sent, store, mine)
        wait_until_blocked(watch)
        other.commit()
        assert sending.result(timeout=30)[0].startswith(said)
    assert len(stored(store)) == 2
    assert mine.sent.exists() == (said == "")


def test_a_store_that_goes_away_in_the_middle_gets_the_rest_when_it_is_back(
    server: Server, store: str, tmp_path: Path
) -> None:
    folders = [finished(tmp_path, number) for number in range(5)]
    sending = send(store, folders)
    assert [next(sending).folder for _ in range(2)] == folders[:2]
    server.stop()
    try:
        with pytest.raises(Unreachable):
            next(sending)
        assert waiting_runs(tmp_path) == tuple(folders[2:])
        with pytest.raises(Unreachable, match="Connection refused"):
            sent(store, *waiting_runs(tmp_path))
    finally:
        server.start()
    assert [row.run for row in stored(store)] == [folder.run for folder in folders[:2]]
    assert sent(store, *waiting_runs(tmp_path)) == [""] * 3
    assert [row.run for row in stored(store)] == [folder.run for folder in folders]


def test_a_station_needs_to_read_and_insert_and_nothing_else(server: Server, store: str, tmp_path: Path) -> None:
    sent(store, finished(tmp_path, 1))
    database = store.rpartition("/")[2]
    server.execute("CREATE ROLE reader LOGIN", "CREATE ROLE station LOGIN", database=database)
    server.execute("GRANT SELECT ON runs TO reader", "GRANT SELECT, INSERT ON runs TO station", database=database)
    later = finished(tmp_path, 2)
    with pytest.raises(StoreFailed, match=r"^takes no records \(permission denied for table runs\)$"):
        sent(server.url(database, "reader"), later)
    assert not later.sent.exists()
    assert sent(server.url(database, "station"), later) == [""]


def test_a_table_that_somebody_holds_is_given_up(store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("station.records.central.ANSWER_WITHIN", 1)
    sent(store, finished(tmp_path, 1))
    later = finished(tmp_path, 2)
    with connected(store) as other:
        other.execute(text("LOCK TABLE runs IN ACCESS EXCLUSIVE MODE"))
        with pytest.raises(Unreachable, match="statement timeout"):
            sent(store, later)
    assert waiting_runs(tmp_path) == (later,)


def test_what_the_database_cannot_keep_holds_up_no_other_run(store: str, tmp_path: Path) -> None:
    bad, good = finished(tmp_path, 1, purpose="\0"), finished(tmp_path, 2)
    wrong, right = sent(store, bad, good)
    assert wrong.startswith(f"the store does not take run {bad.run} (")
    assert right == ""
