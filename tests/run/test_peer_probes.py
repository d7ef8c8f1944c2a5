"""The probes on which other test executives were measured; each docstring says what those did.

Signals, the other half of the probes, are in `tests/guard`.
"""

from __future__ import annotations

import json
import math
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import pyvisa
from bench_runs import Ran, rig

from station.actions import measuring
from station.actions.parameters import Parameters
from station.actions.stage import Reading, Stage
from station.clock import DeadlineExceeded, Scopes, WallClock
from station.model.events import MadeSafe, OutputChanging, ParametersChanging
from station.model.files import InvalidFile
from station.model.library import Library
from station.model.protocol import Protocol
from station.run.plan import Files, make_plan
from station.wires.visa import VisaWire

JUDGED = "current_zero"
"""A measurement with a limit in the pack file; its value is made up here."""
SEQUENCE = """\
sequence: probe
title: One measurement, and one after it
pack: bali48
steps:
  - step: probed
    {attempts}measure: current_zero
  - step: next
    measure: pack_voltage_error
"""
AT_ONCE = 0.05
"""Seconds of wall time within which the station returns from a call that is past its time-out."""

Take = Callable[[Stage], Reading]


def run(take: Take, data: Path, monkeypatch: pytest.MonkeyPatch, attempts: int = 1) -> Ran:
    """A run whose first step takes a value this way."""
    table = measuring.MEASURANDS
    assert isinstance(table, dict)
    monkeypatch.setitem(table, JUDGED, measuring.Measurand(take))
    path = data / "probe.yaml"
    path.write_text(SEQUENCE.format(attempts=f"attempts: {attempts}\n    " if attempts > 1 else ""), encoding="utf-8")
    with rig(sequence=str(path)) as bench:
        bench.twin.bms.power.enter("running", 0.0)
        bench.clock.wait(3.0)
        return bench.run(data)


def value(what: float | str | None, uncertainty: float | None = 0.01) -> Take:
    return lambda stage: Reading(what, "A", uncertainty)


# ---------------------------------------------------------------------------------------------- values


@pytest.mark.parametrize(
    "take",
    [value(math.nan), value(math.inf), value(-math.inf), value(None), value("3.3"), value("PASS"), value(0.0, None),
     lambda stage: Reading(0.0, "V", 0.01)],
    ids=["NaN", "infinity", "minus infinity", "never set", "string", "the word PASS", "no uncertainty", "another unit"],
)  # fmt: skip
def test_what_is_no_number_in_the_unit_of_its_limit_is_error_and_never_pass(
    take: Take, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OpenHTF fails a NaN and an unset value as if the product were bad, and passes a NaN without a validator.

    TofuPilot drops a NaN and counts unset and wrong types as passed; HardPy passes whatever nobody asserts.
    """
    ran = run(take, tmp_path, monkeypatch)
    measured = ran.measurement(f"probed/{JUDGED}")
    assert (measured.verdict, ran.record.verdict) == ("ERROR", "ERROR"), ran.record.reason
    assert measured.reason
    assert ran.record.reason.startswith("probed: ")


def test_an_uncertainty_that_is_no_number_decides_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """None of the others knows an uncertainty."""
    assert run(value(0.0, math.nan), tmp_path, monkeypatch).record.verdict == "ERROR"


@pytest.mark.parametrize("what", [math.nan, math.inf])
def test_no_file_of_a_run_has_a_nan_in_it(what: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """HardPy writes a bare NaN, which is no JSON; OpenHTF writes the string "nan", which is no number."""
    ran = run(value(what), tmp_path, monkeypatch)

    def refuse(word: str) -> None:
        pytest.fail(f"{word} in a file of JSON")

    for line in [*ran.folder.journal.read_text("utf-8").splitlines(), ran.folder.record.read_text("utf-8")]:
        json.loads(line, parse_constant=refuse)
        assert '"nan"' not in line.lower()
    assert ran.measurement(f"probed/{JUDGED}").value is None


def test_a_value_out_of_its_limits_fails_without_anybody_asserting_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In HardPy the case passes, with `result: false` in its record, unless its author writes `assert` as well."""
    ran = run(value(9.0), tmp_path, monkeypatch)
    assert ran.record.verdict == "FAIL"
    assert ran.step("next").verdict == "PASS", "one visit gives all the evidence"


@pytest.mark.parametrize("name", ["soh", "current_zero_typo", "cell_voltage"])
def test_a_measurement_without_a_limit_is_refused_before_anything_is_energised(name: str, tmp_path: Path) -> None:
    """HardPy stores limits that have no operator and judges nothing; OpenHTF passes a measurement without validators.

    Here a limit has no operator to forget, and a name without a row is refused with its place in the file.
    """
    path = tmp_path / "probe.yaml"
    path.write_text(SEQUENCE.replace(JUDGED, name).format(attempts=""), encoding="utf-8")
    files = Files(Library.default())
    with pytest.raises(InvalidFile, match=rf"probe\.yaml:6:14: `{name}` is no measurement"):
        make_plan(files, str(path), files.bench("simulated"), "BALI48-000001")


# ---------------------------------------------------------------------------------------------- exceptions


@pytest.mark.parametrize(
    "error", [ValueError("no"), ZeroDivisionError(), AssertionError("x"), KeyError("k"), RecursionError(), OSError(5)]
)
def test_an_exception_in_a_check_is_error_and_the_bench_is_made_safe(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OpenHTF passed a run with an exception in a validator (pull 770) or in a run_if, whose teardown it skipped."""

    def take(stage: Stage) -> Reading:
        raise error

    ran = run(take, tmp_path, monkeypatch)
    assert ran.record.verdict == "ERROR"
    assert ran.step("probed").verdict == "ERROR"
    assert [type(event) for event in ran.events[-2:]] == [MadeSafe, type(ran.events[-1])]
    assert ran.record.safe_state.startswith("load off, supply off")
    assert not [step for step in ran.record.steps if step.id == "next"], "nothing is tested on a station in doubt"


def test_an_exception_while_thresholds_are_put_back_is_error_and_says_that_the_pack_is_shifted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OpenHTF runs what is left of a teardown after an exception and says no more; the others keep the verdict."""

    def broken(self: Parameters) -> tuple[str, ...]:
        raise RuntimeError("put back fails")

    begin = Parameters.__init__

    def shifted(self: Parameters, stage: Stage, protocol: Protocol) -> None:
        begin(self, stage, protocol)
        self.shifted = True

    monkeypatch.setattr(Parameters, "__init__", shifted)
    monkeypatch.setattr(Parameters, "restore", broken)
    ran = run(value(0.0), tmp_path, monkeypatch)
    assert ran.record.verdict == "ERROR"
    assert "NOT RESTORED" in ran.record.reason


# ---------------------------------------------------------------------------------------------- retries


def test_a_retry_adds_evidence_and_replaces_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """HardPy clears the data of a case at each attempt; OpenHTF turns what failed before into SKIP."""
    values: Iterator[float] = iter([9.0, 8.0, 0.0])
    ran = run(lambda stage: Reading(next(values), "A", 0.01), tmp_path, monkeypatch, attempts=3)
    kept = [each for each in ran.record.measurements if each.name == JUDGED]
    assert [(each.attempt, each.value, each.verdict) for each in kept] == [
        (1, 9.0, "FAIL"), (2, 8.0, "FAIL"), (3, 0.0, "PASS"),
    ]  # fmt: skip
    assert [step.verdict for step in ran.record.steps if step.id == "probed"] == ["FAIL", "FAIL", "PASS"]
    assert ran.record.verdict == "PASS"


def test_an_error_is_not_repeated_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """OpenTAP's users argue about a retry that clears an Error (issues 12, 178, 729)."""
    values: Iterator[float] = iter([math.nan, 0.0])
    ran = run(lambda stage: Reading(next(values), "A", 0.01), tmp_path, monkeypatch, attempts=2)
    assert ran.record.verdict == "ERROR"
    assert [step.attempt for step in ran.record.steps if step.id == "probed"] == [1]


# ---------------------------------------------------------------------------------------------- time-outs


def test_a_step_past_its_deadline_ends_there_and_nothing_of_it_acts_any_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OpenHTF returned 3.0 s after a 0.5 s time-out, and its phase switched the supply on 1 s after the tearDown.

    OpenTAP's guard waits for the step for ever; HardPy has no time-out of a step.
    """
    threads = threading.active_count()

    def take(stage: Stage) -> Reading:
        stage.wait(lambda: False)
        pytest.fail("a wait has outlived its deadline")

    ran = run(take, tmp_path, monkeypatch)
    step = ran.step("probed")
    assert ran.record.verdict == step.verdict == "ERROR"
    assert step.reason == "probed: its time is over"
    assert step.duration_s == pytest.approx(round(step.duration_s), abs=AT_ONCE), "whole seconds, and at most 50 ms"
    safe = next(number for number, event in enumerate(ran.events) if isinstance(event, MadeSafe))
    assert not [event for event in ran.events[safe:] if isinstance(event, OutputChanging | ParametersChanging)]
    assert threading.active_count() == threads, "nobody is left behind"


@contextmanager
def deaf_instrument() -> Iterator[tuple[str, bytearray]]:
    """An instrument that takes everything and answers nothing: its address, and what it was told."""
    heard = bytearray()
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            connection, _ = listening.accept()
            with connection:
                try:
                    while data := connection.recv(4096):
                        heard.extend(data)
                except ConnectionResetError:
                    return

        served = threading.Thread(target=serve)
        served.start()
        yield f"TCPIP::127.0.0.1::{listening.getsockname()[1]}::SOCKET", heard
        served.join(5.0)
        assert not served.is_alive()


def test_a_blocking_call_returns_at_its_deadline_and_what_it_was_about_to_say_is_never_said() -> None:
    """OpenHTF: a call that blocked for 7 s under a time-out of 4 s wrote OUTP ON after its tearDown."""
    scopes, manager = Scopes(WallClock()), pyvisa.ResourceManager("@py")
    with deaf_instrument() as (address, heard):
        wire = VisaWire(address, scopes, manager)
        began = time.monotonic()
        with scopes.enter("step", 0.3), pytest.raises(DeadlineExceeded, match="step"):
            wire.query("READ?", timeout=7.0)
        late = time.monotonic() - began - 0.3
        with scopes.enter("step", 0.0), pytest.raises(DeadlineExceeded):
            wire.query("OUTP ON\n*OPC?")
        wire.close()
    manager.close()
    assert bytes(heard) == b"READ?\n"
    assert 0 <= late < 1.0, "a machine that tests many things at once may take a while; alone it takes a few ms"
