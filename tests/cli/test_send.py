"""A bench with a central store: what may stand in its file, `station run` on it, and `station send`."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from sqlite3 import connect

import pytest
from bad_input import Refused, library_file, run_of
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from short_sequences import IDENTITY, START, sequence_file

from station.cli.main import status
from station.cli.send import MANY, send_after_run
from station.model.store_url import store_url
from station.records import RunFolder, central, waiting_runs

NOBODY = "postgresql+psycopg://station@127.0.0.1:1/records"
"""A port that is kept for a service which nobody has offered for decades."""
KEYS = {"verdict", "reason", "run", "serial_number", "record", "certificate", "bench_time_s", "floor_s"}
EXAMPLES = "`postgresql+psycopg://station@mes.factory/records` or `sqlite:////var/lib/station/records.sqlite`"


def bench_with(store: str) -> str:
    """The simulated bench in the library of the working directory, with a store; its name."""
    library_file("benches", "simulated", "kind: simulated\n", f"kind: simulated\nstore: {store}\n")
    return "simulated"


# ------------------------------------------------------------------------------------------------ the bench file


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("mes.factory", f"`store`: this is no SQLAlchemy URL; write it as {EXAMPLES}"),
        (
            "postgresql+psycopg://station@mes.factory:x/records",
            f"`store`: this is no SQLAlchemy URL; write it as {EXAMPLES}",
        ),
        (
            "postgresql+psycopg://station:geheim@mes.factory/records",
            "`store`: a password has no place in a file; it comes from PGPASSFILE, or PGPASSWORD",
        ),
        (
            "postgresql+psycopg://station@mes.factory/records?password=geheim",
            "`store`: a password has no place in a file; it comes from PGPASSFILE, or PGPASSWORD",
        ),
        (
            "postgresql://station@mes.factory/records",
            "`store`: unknown dialect `postgresql`; did you mean `postgresql+psycopg`?",
        ),
        ("oracle://x", "`store`: unknown dialect `oracle`; known: postgresql+psycopg, sqlite"),
        (
            "sqlite:///records.sqlite",
            "`store`: write the whole path of the file, from the root: `sqlite:////var/lib/station/records.sqlite`",
        ),
        (
            '"sqlite://"',
            "`store`: write the whole path of the file, from the root: `sqlite:////var/lib/station/records.sqlite`",
        ),
        ("5432", "`store`: found `5432`, expected a text (put a number in quotes)"),
    ],
)
def test_what_is_no_store_is_refused_at_its_place(url: str, message: str, refused: Refused) -> None:
    path, place = library_file("benches", "simulated", "kind: simulated\n", f"kind: simulated\nstore: ^{url}\n")
    said = [f"{path}:{place}: {message}"]
    assert refused("check", path) == said
    assert refused(*run_of("eol")) == said
    assert refused("send", "--bench", "simulated") == said


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+psycopg://station@mes.factory/records",
        "postgresql+psycopg:///records?host=/run/postgresql",
        "sqlite:////var/lib/station/records.sqlite",
        r"sqlite:///C:\station\records.sqlite",
    ],
)
def test_a_store_is_kept_as_it_was_written(url: str) -> None:
    assert store_url(url) == url


@given(
    st.sampled_from(["postgresql+psycopg", "postgresql", "oracle", "sqlite"]),
    st.text("XYZ%/#:0", min_size=6),
    st.sampled_from(["{0}://u:{1}@h/d", "{0}://h/d?password={1}", "{0}:/u:{1}@h/d", "{0}://u:{1}@h:port/d"]),
)
def test_no_password_is_ever_quoted(driver: str, password: str, form: str) -> None:
    with pytest.raises(ValueError, match=r"^`store`: ") as refused:
        store_url(form.format(driver, password))
    assert password not in str(refused.value)


def test_what_has_nothing_to_do_with_a_store_does_not_import_its_libraries() -> None:
    code = (
        "import sys, station.cli.run, station.cli.send, station.cli.coverage; from station.cli.main import status;"
        "status(['check']); status(['send', '--bench', 'simulated']);"
        "print([name for name in ('sqlalchemy', 'psycopg') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


# ------------------------------------------------------------------------------------------------ the commands


def test_a_run_passes_without_its_store_and_its_record_is_sent_later(
    own_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bench = Path("fixtures/benches/simulated.yaml")
    run = run_of(sequence_file(own_folder, "mine", START, IDENTITY), bench=bench_with(NOBODY))
    done = subprocess.run(
        [sys.executable, "-m", "station", *run, "--json"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert (said["verdict"], {*said}) == ("PASS", KEYS)
    assert done.stderr.splitlines()[-1] == (
        "central store: cannot be reached (Connection refused); 1 run waits here and is sent after the next run, or "
        "with `station send`"
    )

    assert status(["send", "--bench", "simulated"]) == 3
    heard = capsys.readouterr()
    assert heard.err == "central store: cannot be reached (Connection refused)\n"
    assert heard.out == "no runs sent; 1 run still waits in data\n"

    bench.write_text(bench.read_text("utf-8").replace(NOBODY, f"sqlite:///{own_folder}/store.sqlite"), "utf-8")
    assert status(["send", "--bench", "simulated"]) == 0
    assert capsys.readouterr().out == "1 run sent; nothing waits in data\n"
    assert status(["send", "--bench", "simulated"]) == 0
    assert capsys.readouterr().out == "no runs sent; nothing waits in data\n"
    assert stored(own_folder) == [(said["run"], "PASS", 1, Path(said["record"]).read_text("utf-8"))]


def stored(folder: Path) -> list[tuple[object, ...]]:
    """Runs, verdicts, whether simulated, and records of a store, as any other program sees them."""
    with closing(connect(folder / "store.sqlite")) as store:
        return store.execute("SELECT run, verdict, simulated, record FROM runs ORDER BY run").fetchall()


def test_whatever_the_verdict_a_run_is_sent_with_all_that_wait(
    own_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bench = bench_with(f"sqlite:///{own_folder}/store.sqlite")
    run = run_of(sequence_file(own_folder, "mine", START, IDENTITY), bench=bench)
    assert status(run) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "central store: 1 run sent"
    next(Path("data").glob("runs/*/*/sent.json")).unlink()
    assert status([*run, "--fault", "other-serial-number", "--json"]) == 5
    heard = capsys.readouterr()
    assert json.loads(heard.out)["verdict"] == "BLOCKED"
    assert heard.err.splitlines()[-1] == "central store: 2 runs sent"
    assert [(verdict, simulated) for _, verdict, simulated, _ in stored(own_folder)] == [("PASS", 1), ("BLOCKED", 1)]


def test_a_bug_in_the_sending_is_said_and_changes_nothing(
    own_folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(store: str, folders: Sequence[RunFolder]) -> Iterator[central.Sending]:
        raise RuntimeError("two\nlines")

    monkeypatch.setattr(central, "send", broken)
    run = run_of(sequence_file(own_folder, "mine", START, IDENTITY), bench=bench_with(NOBODY))
    assert status([*run, "--json"]) == 0
    heard = capsys.readouterr()
    assert {*json.loads(heard.out)} == KEYS
    assert heard.err.splitlines()[-1] == (
        "central store: RuntimeError: two lines; what waits here goes with the next run"
    )


def test_a_bench_without_a_store_is_wrong_usage(refused: Refused) -> None:
    message = "--bench: simulated has no central store; add the key `store` with its URL"
    assert refused("send", "--bench", "simulated") == [message]


def test_help_teaches(capsys: pytest.CaptureFixture[str]) -> None:
    assert status(["send", "--help"]) == 0
    said = capsys.readouterr().out
    assert "sent.json" in said
    assert "Exit status" in said


# ------------------------------------------------------------------------------------------------ after the run


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """A data folder in which more runs wait than anybody watches without a bar; none has a record that can be read."""
    for number in range(MANY):
        folder = tmp_path / "runs" / "BALI48-000001" / f"20260329T003000000Z-{number:08x}"
        folder.mkdir(parents=True)
        (folder / "journal.jsonl").write_bytes(b"\n")
        (folder / "record.json").write_bytes(b"{}\n")
    return tmp_path


def said_after_run(data: Path, stops: Iterator[bool], *, terminal: bool = False) -> str:
    console = Console(file=io.StringIO(), force_terminal=terminal, width=200)
    send_after_run(f"sqlite:///{data}/store.sqlite", data, console, lambda: next(stops))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_of_many_troubles_the_first_is_said(many: Path) -> None:
    said = said_after_run(many, iter([False] * 100))
    assert said.startswith("central store: run 20260329T003000000Z-00000000 has a record that cannot be read: ")
    assert f" (and {MANY - 1} more); {MANY} runs wait here and are sent after the next run" in said
    assert said.count("\n") == 1


def test_many_are_shown_as_a_bar_on_a_terminal(many: Path) -> None:
    assert "100%" in said_after_run(many, iter([False] * 100), terminal=True)


def test_whoever_stops_the_run_stops_the_sending(many: Path) -> None:
    assert said_after_run(many, iter([True] * 100)).startswith("central store: stopped; 20 runs wait here")
    assert not (many / "store.sqlite").exists()
    assert said_after_run(many, iter([False, False, True, True])).startswith("central store: stopped (and 2 more); 20 ")
    assert len(waiting_runs(many)) == MANY
