"""Signals before the first step and after the last, and readers who go away: the exit status stays right, and evidence
is finished.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from stop_bench import SERIAL, WAKE

import station.cli.run as command
from station.cli.main import status

SIGNALS = [signal.Signals[name] for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


def arguments(folder: Path) -> list[str]:
    """A short run on the simulated bench in this process."""
    path = folder / "wake.yaml"
    path.write_text(WAKE, encoding="utf-8")
    return ["run", str(path), "--serial", SERIAL, "--bench", "simulated", "--data", str(folder / "data"), "--json"]


@pytest.fixture(autouse=True)
def own_handlers() -> Iterator[None]:
    """A command that was stopped leaves its process deaf to further signals; this one is not."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def signalled(monkeypatch: pytest.MonkeyPatch, name: str, number: signal.Signals) -> None:
    """Let a signal arrive just before the command calls one of its parts."""
    part: Callable[..., object] = getattr(command, name)

    def call(*args: object, **named: object) -> object:
        signal.raise_signal(number)
        return part(*args, **named)

    monkeypatch.setattr(command, name, call)


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("part", ["make_plan", "close_dead_runs"])
def test_a_signal_before_the_run_ends_the_command_and_nothing_was_touched(
    part: str,
    number: signal.Signals,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    signalled(monkeypatch, part, number)
    assert status(arguments(tmp_path)) == 4
    assert capsys.readouterr() == ("", "stopped before anything was energised\n")
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_before_the_first_step_leaves_an_aborted_run_with_its_evidence(
    number: signal.Signals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    signalled(monkeypatch, "carry_out", number)
    assert status(arguments(tmp_path)) == 4
    said = json.loads(capsys.readouterr().out)
    assert said["verdict"] == "ABORTED"
    assert Path(said["certificate"]).exists()


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_after_the_verdict_changes_nothing_and_the_certificate_is_signed(
    number: signal.Signals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    signalled(monkeypatch, "sign_certificate", number)
    assert status(arguments(tmp_path)) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["verdict"] == "PASS"
    assert Path(said["certificate"]).exists()
    signal.raise_signal(number)


@pytest.mark.parametrize("options", [(), ("--json",)], ids=["console", "json"])
def test_a_reader_who_goes_away_costs_neither_verdict_nor_certificate(options: tuple[str, ...], tmp_path: Path) -> None:
    typed = [sys.executable, "-m", "station", *arguments(tmp_path)[:-1], *options]
    read, write = os.pipe()
    os.close(read)
    try:
        ran = subprocess.run(typed, stdout=write, stderr=write, timeout=60, check=False)
    finally:
        os.close(write)
    assert ran.returncode == 0
    assert list(tmp_path.glob("data/runs/*/*/certificate.pdf"))
