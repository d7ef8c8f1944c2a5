"""The commands as a person types them."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
from ruamel.yaml import YAML

from station.cli.main import status
from station.model.record import Record

RUN = ["run", "eol", "--serial", "BALI48-000001", "--bench", "simulated"]


@pytest.fixture(scope="module")
def passed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What `station run --json` says of a good pack, run once for this module."""
    data = tmp_path_factory.mktemp("data")
    done = subprocess.run(
        [sys.executable, "-m", "station", *RUN, "--json", "--data", str(data)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") == 1
    said: dict[str, str] = json.loads(done.stdout)
    return said


def test_a_run_says_where_its_evidence_is_as_one_json_object(passed: dict[str, str]) -> None:
    assert passed["verdict"] == "PASS"
    record = Record.model_validate_json(Path(passed["record"]).read_bytes())
    assert record.run == passed["run"]
    folder = Path(passed["certificate"]).parent
    assert folder.name == passed["run"]
    assert folder.parent.name == "BALI48-000001"
    assert {path.name for path in folder.iterdir()} == {"journal.jsonl", "record.json", "certificate.pdf"}


def test_a_simulated_certificate_is_refused_unless_asked_for(
    passed: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert status(["verify", passed["certificate"]]) == 1
    assert "NOT GENUINE" in capsys.readouterr().out
    assert status(["verify", passed["certificate"], "--simulated"]) == 0
    assert "genuine" in capsys.readouterr().out


def test_a_certificate_with_one_byte_changed_is_not_genuine(
    passed: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = bytearray(Path(passed["certificate"]).read_bytes())
    data[len(data) // 3] ^= 1
    (tmp_path / "changed.pdf").write_bytes(data)
    assert status(["verify", str(tmp_path / "changed.pdf"), "--simulated"]) == 1
    assert capsys.readouterr().out.startswith("NOT GENUINE")


def test_the_measurements_of_runs_become_a_table(passed: dict[str, str], tmp_path: Path) -> None:
    data = Path(passed["record"]).parents[3]
    assert status(["export", "--data", str(data), "--to", str(tmp_path / "all.csv")]) == 0
    table = pd.read_csv(tmp_path / "all.csv")
    assert set(table["run"]) == {passed["run"]}
    volts = table[table["name"] == "terminal_voltage"].iloc[0]
    assert 51.5 <= float(volts["value"]) <= 53.5


def test_a_failed_run_exits_with_1_and_says_why(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert status([*RUN, "--fault", "dead-led", "--json", "--data", str(tmp_path)]) == 1
    said = json.loads(capsys.readouterr().out)
    assert said["verdict"] == "FAIL"
    assert "L3 never lit" in said["reason"]
    assert Path(said["certificate"]).is_file()


def test_another_serial_number_is_blocked_with_5(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert status([*RUN, "--fault", "other-serial-number", "--json", "--data", str(tmp_path)]) == 5
    assert json.loads(capsys.readouterr().out)["verdict"] == "BLOCKED"


@pytest.mark.parametrize(("name", "times"), [("SIGINT", 1), ("SIGINT", 2), ("SIGINT", 10), ("SIGTERM", 1)])
def test_a_stop_from_outside_is_aborted_with_everything_put_back(name: str, times: int, tmp_path: Path) -> None:
    """Also twice and ten times in a row, where other test executives hang or leave their outputs on."""
    command = [sys.executable, "-m", "station", *RUN, "--json", "--data", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        journal = _wait_for(tmp_path, "parameters_changing")
        for _ in range(times):
            process.send_signal(getattr(signal, name))
            time.sleep(0.005)
        out, err = process.communicate(timeout=30)
    assert process.returncode == 4, err
    said = json.loads(out)
    assert said["verdict"] == "ABORTED"
    record = Record.model_validate_json(Path(said["record"]).read_bytes())
    assert record.thresholds == "restored and read back"
    assert record.safe_state.startswith("load off, supply off")
    assert '"run_ended"' in journal.read_text()


def _wait_for(data: Path, event: str) -> Path:
    """The journal of the run, once that event stands in it."""
    ends = time.monotonic() + 30
    while time.monotonic() < ends:
        for journal in data.glob("runs/*/*/journal.jsonl"):
            if f'"{event}"' in journal.read_text():
                return journal
        time.sleep(0.005)
    pytest.fail(f"no {event} in 30 s")


def test_the_twin_serves_a_bench_that_a_run_in_another_process_can_use(tmp_path: Path) -> None:
    ready = tmp_path / "bench.yaml"
    command = [sys.executable, "-m", "station", "twin", "serve", "--ready", str(ready), "--fault", "dead-led"]
    twin = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        ends = time.monotonic() + 30
        while not ready.is_file() and time.monotonic() < ends:
            time.sleep(0.02)
        served = YAML(typ="safe").load(ready)
        assert served["shared"]["supply"]["at"].startswith("TCPIP::127.0.0.1::")
        from_outside = {key: served[key] for key in served if key != "served"} | {"kind": "real", "bench": "served"}
        with ready.open("w") as file:
            YAML().dump(from_outside, file)
        assert status(["keys", "init", "--name", "test"]) == 0
        data = tmp_path / "data"
        run = ["run", "eol", "--serial", "BALI48-000001", "--bench", str(ready), "--json", "--data", str(data)]
        done = subprocess.run(
            [sys.executable, "-m", "station", *run], capture_output=True, text=True, check=False,
        )  # fmt: skip
    finally:
        twin.send_signal(signal.SIGTERM)
        twin.wait(timeout=10)
    assert done.returncode == 1, done.stderr
    assert "L3 never lit" in json.loads(done.stdout)["reason"]
    assert status(["verify", json.loads(done.stdout)["certificate"]]) == 0
    assert twin.returncode == 0


def test_the_plan_is_shown_with_its_floor_and_hash(capsys: pytest.CaptureFixture[str]) -> None:
    assert status(["plan", "eol", "--bench", "simulated"]) == 0
    out = capsys.readouterr().out
    assert "discharge-overcurrent" in out
    assert "floor" in out
    assert "sha256" in out


def test_the_trace_accounts_for_every_requirement(capsys: pytest.CaptureFixture[str]) -> None:
    assert status(["trace", "eol"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert sum(line.startswith("REQ-") for line in lines) == 178
    assert any(line.startswith("REQ-6.6-01") and "window" in line for line in lines)


def test_help_teaches(capsys: pytest.CaptureFixture[str]) -> None:
    assert status(["--help"]) == 0
    assert status(["run", "--help"]) == 0
    assert "Exit status" in capsys.readouterr().out


def test_the_parameters_that_a_fault_can_change_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert status(["twin", "parameters"]) == 0
    assert "bms.discharge_fet.stuck" in capsys.readouterr().out


def test_what_the_line_knows_of_a_pack_comes_by_a_file_of_answers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answers = tmp_path / "answers.yaml"
    answers.write_text("cell_lot: LOTA000001\n", encoding="utf-8")
    assert status([*RUN, "--answers", str(answers)]) == 2
    assert "did you mean `cell_lots`?" in capsys.readouterr().err
    answers.write_text("cell_lots: [LOTA000001, LOTA000002]\ntime_since_charge: 70 min\n", encoding="utf-8")
    arguments = ("--data", str(tmp_path), "--answers", str(answers), "--json")
    assert status([*RUN, *arguments]) == 0
    record = json.loads(Path(json.loads(capsys.readouterr().out)["record"]).read_text(encoding="utf-8"))
    found = {each["name"]: each["value"] for each in record["measurements"]}
    assert found["cell_lots"] == "LOTA000001 LOTA000002"
    assert found["time_since_charge"] == 4200.0
