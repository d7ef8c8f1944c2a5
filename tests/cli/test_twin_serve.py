"""`station twin serve` as a process of its own, and runs in other processes that use it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from bench_runs import SERIAL
from benchmarks.determinism import OF_THE_MOMENT
from served_twin import PATIENCE, Served, serving, until
from short_sequences import FROM_START_TO_SHUTDOWN, sequence_file

from station.bms.pace_modbus import PaceModbus
from station.cli.main import status
from station.clock import HeldClock, Scopes, WallClock
from station.model.bench import PortEntry
from station.model.library import Library
from station.run.plan import Files
from station.wires.serial import SerialWire

OF_THE_FILE = frozenset({"files", "plan_sha256"})
"""What differs because the bench file of a served bench has other addresses in it."""
DEAD_FROM_THE_TRIP_ON = """\
fault: dead-from-the-trip-on
title: The board stops answering when the trip begins
class: pack
change: {bms.silent: true}
when: {step: trip}
expect: {verdict: FAIL, caught_by: trip}
cause: the test
remedy: none
"""


@pytest.fixture(scope="module")
def sequence(tmp_path_factory: pytest.TempPathFactory) -> str:
    return sequence_file(tmp_path_factory.mktemp("sequences"), "short", *FROM_START_TO_SHUTDOWN)


def run(sequence: str, bench: str | Path, data: Path, *options: str) -> dict[str, Any]:
    """The record of a run in a process of its own."""
    done = started(sequence, bench, data, *options)
    said, complaint = done.communicate(timeout=PATIENCE)
    assert done.returncode in (0, 1), complaint
    return dict(json.loads(Path(json.loads(said)["record"]).read_text()))


def started(sequence: str, bench: str | Path, data: Path, *options: str) -> subprocess.Popen[str]:
    command = ["run", sequence, "--serial", SERIAL, "--bench", str(bench), "--data", str(data), "--json", *options]
    return subprocess.Popen(
        [sys.executable, "-m", "station", *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def measured(record: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in record.items() if key not in OF_THE_MOMENT | OF_THE_FILE}


def test_a_run_in_another_process_measures_the_same_as_one_beside_the_twin(sequence: str, tmp_path: Path) -> None:
    beside = run(sequence, "simulated", tmp_path / "beside", "--seed", "5")
    with serving(tmp_path, "--time", "stepped", "--seed", "5") as served:
        apart = run(sequence, served.ready, tmp_path / "apart")
    assert apart["simulation"] == {"twin": "factory_fresh", "faults": [], "seed": 5, "time": "virtual"}
    assert measured(apart) == measured(beside)
    assert len(apart["waveforms"][0]["channels"][0]["t_s"]) > 10


def test_one_run_after_the_other_steps_the_same_twin_and_its_faults_wait_for_their_step(
    sequence: str, tmp_path: Path
) -> None:
    fault = tmp_path / "dead.yaml"
    fault.write_text(DEAD_FROM_THE_TRIP_ON, encoding="utf-8")
    with serving(tmp_path, "--time", "stepped", "--fault", str(fault)) as served:
        first = run(sequence, served.ready, tmp_path / "data")
        second = run(sequence, served.ready, tmp_path / "data")
    verdicts = {step["id"]: step["verdict"] for step in first["steps"]}
    assert (verdicts["rest"], verdicts["trip"]) == ("PASS", "FAIL")
    assert first["simulation"]["faults"] == ["dead-from-the-trip-on"]
    assert {step["id"]: step["verdict"] for step in second["steps"]}["start"] == "FAIL", "it stays silent"


def test_a_second_run_is_refused_in_one_line_while_the_first_one_holds_the_clock(sequence: str, tmp_path: Path) -> None:
    with serving(tmp_path, "--time", "stepped") as served, HeldClock(served.clock):
        second = started(sequence, served.ready, tmp_path / "data")
        said, complaint = second.communicate(timeout=PATIENCE)
    assert (second.returncode, said) == (5, "")
    assert complaint.startswith(f"the clock at {served_at(complaint)} is held by process ")
    assert complaint.count("\n") == 1


def served_at(complaint: str) -> str:
    return complaint.split()[3]


def test_after_a_run_that_was_killed_the_twin_serves_anybody_and_another_holds_it(
    sequence: str, tmp_path: Path
) -> None:
    with serving(tmp_path, "--time", "stepped") as served:
        with started(sequence, served.ready, tmp_path / "killed") as first:
            until(lambda: any("step_ended" in each.read_text() for each in tmp_path.rglob("journal.jsonl")))
            first.kill()
        with pack_on(served) as pack:
            assert pack.readings().pack_voltage > 45
        with HeldClock(served.clock) as clock:
            before = clock.now()
            clock.wait(1.0)
            assert clock.now() == before + 1.0


@contextmanager
def pack_on(served: Served) -> Iterator[PaceModbus]:
    """The pack as any program finds it that knows nothing of clocks."""
    files, clock = Files(Library.default()), WallClock()
    entry = served.bench.roles(1)["rs485_a"]
    assert isinstance(entry, PortEntry)
    wire = SerialWire(entry.at, Scopes(clock), 9600)
    yield PaceModbus(wire, files.protocol(files.pack("bali48")), entry.address, clock, cells=15)
    wire.close()


@pytest.mark.parametrize("kind", ["wall", "stepped"])
def test_a_pack_that_is_served_awake_answers_at_once(kind: str, tmp_path: Path) -> None:
    with serving(tmp_path, "--awake", "--time", kind) as served, pack_on(served) as pack:
        assert pack.text("pack_sn") == SERIAL


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGHUP"])
def test_a_signal_ends_it_and_leaves_neither_process_nor_file(name: str, tmp_path: Path) -> None:
    with serving(tmp_path, "--time", "stepped") as served:
        assert served.stop(getattr(signal, name)) == 0
        assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--bench", "line-1"], "--bench: line-1 is a real bench, the twin serves simulated ones"),
        (["--ready", "/no/such/folder/bench.yaml"], "--ready: /no/such/folder/bench.yaml cannot be written"),
        (["--time", "scaled"], "'scaled' is not one of 'wall', 'stepped'"),
    ],
)
def test_what_cannot_be_served_is_wrong_usage(
    options: Sequence[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert status(["twin", "serve", *options]) == 2
    assert said in capsys.readouterr().err


def test_what_the_twin_is_was_said_when_it_was_served(
    sequence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(tmp_path) as served:
        for option in (["--twin", "shelf_2w"], ["--fault", "dead-led"], ["--seed", "2"], ["--time", "virtual"]):
            assert status(["run", sequence, "--serial", SERIAL, "--bench", str(served.ready), *option]) == 2
            assert "`station twin serve`, which serves simulated already" in capsys.readouterr().err
