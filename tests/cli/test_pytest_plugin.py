"""`pytest some-sequence.yaml`: one file is one run, one step is one item, and the engine is that of `station run`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import station.report.write
from station.cli.main import status
from station.model.record import Record

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parents[2]
SHORT = """\
sequence: short
title: From the key to the window
pack: bali48
steps:
  - step: start
    gate: true
    press_key: start
    expect: {lamps: lamp_test}
  - step: window
    gate: true
    require: breaker_on
    measure: [polarity, terminal_voltage]
    limit: {terminal_voltage: factory_window}
  - step: as-left
    record: terminal_voltage
"""
FAULT = """\
fault: of-this-test
title: Something wrong with the bench
class: bench
change: {}
expect: {{verdict: {}, caught_by: window}}
cause: A person
remedy: Another person
"""
STEPS = ["start-checks", "start", "window", "as-left"]


class Bench:
    """A folder with a sequence file in it, and pytest to be run there."""

    def __init__(self, pytester: pytest.Pytester) -> None:
        self.pytester = pytester
        self.write("short.yaml", SHORT)

    def write(self, name: str, text: str) -> None:
        (self.pytester.path / name).write_text(text, encoding="utf-8")

    def pytest(self, *arguments: str) -> pytest.RunResult:
        return self.pytester.runpytest_inprocess(
            "-p", "station.cli.pytest_plugin", "-p", "no:cacheprovider", *arguments
        )

    @property
    def folders(self) -> list[Path]:
        return sorted((self.pytester.path / "data").glob("runs/*/*"))

    @property
    def record(self) -> dict[str, object]:
        (folder,) = self.folders
        record: dict[str, object] = json.loads((folder / "record.json").read_text(encoding="utf-8"))
        return record

    @property
    def certified(self) -> bool:
        return all((folder / "certificate.pdf").is_file() for folder in self.folders)


@pytest.fixture
def signed_bench(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    return Bench(pytester)


@pytest.fixture
def bench(signed_bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """Without the second that drawing and signing a certificate takes."""

    def write(record: Record, path: Path, *_: object) -> Path:
        path.write_text(record.run, encoding="utf-8")
        return path

    monkeypatch.setattr(station.report.write, "write_certificate", write)
    return signed_bench


def failures(result: pytest.RunResult) -> list[str]:
    """The lines of the failure reports, and nothing else."""
    lines = result.outlines
    begin = next(
        place for place, line in enumerate(lines) if line.endswith(("= FAILURES " + "=" * 35, "= ERRORS " + "=" * 36))
    )
    ends = next(place for place, line in enumerate(lines) if place > begin and line.startswith("====="))
    return lines[begin + 1 : ends]


# ------------------------------------------------------------------------------------------------ collecting


def test_the_start_checks_and_each_step_are_items_in_the_order_of_the_file(bench: Bench) -> None:
    bench.write("short.yaml", "# comments may stand before the first key\n\n---\n" + SHORT)
    result = bench.pytest("--collect-only", "-q")
    assert [line.partition("::")[2] for line in result.outlines if "::" in line] == STEPS
    assert not bench.folders


@pytest.mark.parametrize("text", ["pack: bali48\nsequence: x\n", "- sequence: x\n", "sequences: [x]\n", "", "\udcff"])
def test_a_yaml_file_with_another_first_key_is_left_alone(bench: Bench, text: str) -> None:
    (bench.pytester.path / "short.yaml").write_bytes(text.encode("utf-8", "surrogateescape"))
    assert bench.pytest().ret == pytest.ExitCode.NO_TESTS_COLLECTED


def test_a_file_that_does_not_check_is_a_collection_error_of_lines_with_places_and_nothing_else(bench: Bench) -> None:
    bench.write("short.yaml", SHORT.replace("terminal_voltage]", "terminal_volts]").replace("lamp_test", "lamp_tset"))
    result = bench.pytest()
    assert result.ret == pytest.ExitCode.INTERRUPTED
    report = [line for line in failures(result) if not line.startswith("___")]
    assert len(report) >= 2
    assert all(line.startswith("short.yaml:") and line.split(":")[1:3] != ["1", "1"] for line in report), report
    assert not bench.folders


def test_under_xdist_a_sequence_file_is_refused(bench: Bench) -> None:
    result = bench.pytester.runpytest_subprocess("-p", "xdist", "-p", "station.cli.pytest_plugin", "-n1", "short.yaml")
    result.stdout.fnmatch_lines(["a run needs one process of its own: leave -n out to run sequence files"])
    assert result.ret != 0
    assert not bench.folders


def test_a_pytest_run_without_sequence_files_imports_nothing_of_the_station() -> None:
    script = (
        "import sys, station.cli.pytest_plugin; print([name for name in sys.modules if name.startswith('station')])"
    )
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    assert found.stdout.strip() == "['station', 'station.cli', 'station.cli.pytest_plugin']"


# ------------------------------------------------------------------------------------------------ running


def test_it_is_the_run_of_station_run(signed_bench: Bench) -> None:
    options = ["--serial", "BALI48-000007"]
    signed_bench.pytest("short.yaml", *options).assert_outcomes(passed=len(STEPS))
    assert status(["run", "short.yaml", "--bench", "simulated", "--data", "elsewhere", *options]) == 0
    (elsewhere,) = (signed_bench.pytester.path / "elsewhere").glob("runs/*/*")
    by_pytest, by_run = (
        json.loads((folder / "record.json").read_text()) for folder in (*signed_bench.folders, elsewhere)
    )
    same = set(by_run) - {"run", "started_at", "ended_at", "attempt", "earlier_runs", "instruments"}
    assert {key: by_pytest[key] for key in same} == {key: by_run[key] for key in same}
    assert by_pytest["verdict"] == "PASS"
    assert by_pytest["partial"] is False
    assert signed_bench.certified


def test_a_failed_step_fails_with_the_reason_as_its_whole_report_and_the_rest_is_skipped_with_it(bench: Bench) -> None:
    result = bench.pytest("short.yaml", "--fault", "low-voltage", "-rs")
    result.assert_outcomes(passed=2, failed=1, skipped=1)
    (title, report) = failures(result)
    assert title.strip("_ ") == "window"
    assert report.startswith("FAIL window/terminal_voltage: ")
    result.stdout.fnmatch_lines(["SKIPPED *short.yaml:14: the run ended before: window: terminal_voltage: *"])
    assert bench.record["verdict"] == "FAIL"
    assert bench.certified


def test_a_pack_that_cannot_be_tested_now_is_blocked_and_not_failed(bench: Bench) -> None:
    bench.pytest("short.yaml", "--fault", "breaker-off").assert_outcomes(passed=2, failed=1, skipped=1)
    assert bench.record["verdict"] == "BLOCKED"


def test_a_fault_of_the_bench_is_an_error_and_says_so(bench: Bench) -> None:
    bench.write("cut.yaml", FAULT.format("{connections.voltmeter.cut: true}", "ERROR") + "when: {step: window}\n")
    result = bench.pytest("short.yaml", "--fault", "cut.yaml")
    result.assert_outcomes(passed=2, failed=1, skipped=1)
    assert failures(result)[1].startswith("ERROR window: voltmeter: ")
    assert bench.record["verdict"] == "ERROR"


def test_a_step_that_the_bench_cannot_do_and_the_sequence_lets_go_is_skipped_with_the_reason(bench: Bench) -> None:
    file = (ROOT / "fixtures/benches/simulated.yaml").read_text(encoding="utf-8")
    bench.write("poor.yaml", "".join(line for line in file.splitlines(keepends=True) if "case:" not in line))
    bench.write(
        "short.yaml", SHORT + "  - step: case\n    optional: no probe on the case here\n    measure: case_voltage\n"
    )
    result = bench.pytest("short.yaml", "--bench", "poor.yaml", "-rs")
    assert result.parseoutcomes() == {"passed": 4, "skipped": 1}
    result.stdout.fnmatch_lines(["SKIPPED *no probe on the case here*"])


def test_a_part_of_a_sequence_is_run_after_the_start_checks_and_leaves_no_certificate(bench: Bench) -> None:
    bench.pytest("short.yaml::start").assert_outcomes(passed=1)
    assert bench.record["partial"] is True
    assert bench.record["instruments"]
    assert not bench.certified


def test_without_the_start_checks_as_an_item_the_run_is_whole(bench: Bench) -> None:
    bench.pytest("short.yaml", "--deselect", "short.yaml::start-checks").assert_outcomes(passed=3, deselected=1)
    assert bench.record["partial"] is False
    assert bench.record["instruments"]


def test_start_checks_that_end_the_run_are_told_by_the_first_step_if_they_are_no_item(bench: Bench) -> None:
    bench.write("open.yaml", FAULT.format("{sensors.estop_closed: false}", "BLOCKED"))
    result = bench.pytest("short.yaml", "--deselect", "short.yaml::start-checks", "--fault", "open.yaml")
    result.assert_outcomes(failed=1, skipped=2, deselected=1)
    assert failures(result)[1].startswith("BLOCKED start-checks: the emergency stop chain is open")


# ------------------------------------------------------------------------------------------------ with others


def test_other_tests_and_other_sequences_in_the_same_session_are_not_disturbed(bench: Bench) -> None:
    bench.write("test_other.py", "def test_one():\n    pass\n")
    bench.write("again.yaml", SHORT.replace("sequence: short", "sequence: again"))
    bench.pytest().assert_outcomes(passed=2 * len(STEPS) + 1)
    assert len(bench.folders) == 2
    assert bench.certified


def test_a_plugin_that_shuffles_items_cannot_change_the_order_of_the_steps(bench: Bench) -> None:
    bench.write("test_other.py", "def test_one():\n    pass\n\ndef test_two():\n    pass\n")
    reverse = "def pytest_collection_modifyitems(items):\n    items.sort(key=lambda item: item.name, reverse=True)\n"
    bench.pytester.makeconftest(reverse)
    result = bench.pytest("-v")
    result.assert_outcomes(passed=len(STEPS) + 2)
    names = [line.split()[0].partition("::")[2] for line in result.outlines if "PASSED" in line]
    assert [name for name in names if name in STEPS] == STEPS
    assert bench.record["verdict"] == "PASS"


# ------------------------------------------------------------------------------------------------ stopping


def test_ctrl_c_ends_the_run_in_the_safe_state_and_pytest_with_it(bench: Bench) -> None:
    bench.write("test_other.py", "def test_one():\n    pass\n")
    bench.pytester.makeconftest("""
        import signal
        import pytest

        @pytest.hookimpl(tryfirst=True)
        def pytest_runtest_call(item):
            if item.name == "window":
                signal.raise_signal(signal.SIGINT)
    """)
    result = bench.pytest("short.yaml", "test_other.py")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.assert_outcomes(passed=2, failed=1)
    assert failures(result)[1] == "ABORTED window: stopped by the operator (Ctrl-C)"
    assert bench.record["verdict"] == "ABORTED"
    assert "contactor open" in str(bench.record["safe_state"])


def test_a_run_that_pytest_leaves_before_its_last_step_is_aborted_and_never_passes(bench: Bench) -> None:
    bench.pytester.makeconftest("""
        def pytest_runtest_teardown(item):
            if item.name == "window":
                item.session.shouldstop = "enough"
    """)
    bench.pytest("short.yaml").assert_outcomes(passed=3)
    assert bench.record["verdict"] == "ABORTED"
    assert "stopped before the last step" in str(bench.record["reason"])
    assert "contactor open" in str(bench.record["safe_state"])


# ------------------------------------------------------------------------------------------------ wrong usage


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("--bench line-1", "line-1 is a real bench: add --serial and --energise to let current flow on it"),
        ("--bench line-1 --serial BALI48-000001", "line-1 is a real bench: add --energise to let current flow on it"),
        ("--bench line-1 --energise", "line-1 is a real bench: add --serial to let current flow on it"),
        (
            "--bench line-1 --serial BALI48-000001 --energise --twin shelf_2w",
            "--twin is for a simulated bench; line-1 is a real one",
        ),
        ("--serial BALI48-000001 --energise", "--energise is for a real bench, and simulated is a simulated one: *"),
        ("--bench lime-1", "*there is no bench `lime-1`; did you mean `line-1`?"),
        ("--fault low-volts", "*there is no fault `low-volts`*"),
        ("--serial ../up", "`../up` cannot be a serial number: *"),
    ],
)
def test_wrong_usage_is_one_clear_line_before_anything_is_touched(bench: Bench, arguments: str, said: str) -> None:
    result = bench.pytest("short.yaml", *arguments.split())
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: {said}"])
    assert not bench.folders
