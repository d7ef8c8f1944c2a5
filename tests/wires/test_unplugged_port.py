"""The adapter of the line to the pack is pulled out in the middle of an end-of-line test, and comes back or not."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import serial
from bench_runs import Ran, Rig, rig

from station.clock import Clock
from station.model.bench import PortEntry
from station.model.events import Event, StepStarted

SHIFTED = "discharge-overcurrent-recovery"
"""A step that has shifted thresholds when it begins to wait."""
OPEN = serial.serial_for_url


@dataclass
class Plug:
    """Opens every port, but that of an adapter which is out."""

    clock: Clock
    port: str
    out_until: float = 0.0
    lines: list[serial.Serial] = field(default_factory=list)

    def opened(
        self, port: str, *, baudrate: int, timeout: float, write_timeout: float, exclusive: bool
    ) -> serial.Serial:
        if port == self.port and self.clock.now() < self.out_until:
            raise serial.SerialException(f"could not open port {port}")
        line = OPEN(port, baudrate=baudrate, timeout=timeout, write_timeout=write_timeout, exclusive=exclusive)
        self.lines += [line] if port == self.port else []
        return line

    def pull(self, seconds: float) -> None:
        self.out_until = self.clock.now() + seconds
        master, slave = os.openpty()
        os.close(master)  # what is left reads and writes with EIO, as the file of an adapter does that is out
        for line in filter(lambda line: line.is_open, self.lines):
            os.dup2(slave, line.fileno())
        os.close(slave)


def unplugged(bench: Rig, step: str, seconds: float, data: Path, monkeypatch: pytest.MonkeyPatch) -> Ran:
    """A run whose adapter is pulled for so long when a step begins."""
    entry = bench.served.roles(1)["rs485_a"]
    assert isinstance(entry, PortEntry)
    plug = Plug(bench.clock, entry.at)
    monkeypatch.setattr(serial, "serial_for_url", plug.opened)

    def listen(event: Event) -> None:
        if isinstance(event, StepStarted) and event.step == step:
            plug.pull(seconds)

    bench.listeners.append(listen)
    return bench.run(data)


def test_a_port_that_comes_back_with_the_same_pack_on_it_costs_no_verdict(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with rig() as bench:
        ran = unplugged(bench, SHIFTED, 1.0, tmp_path, monkeypatch)
    assert (ran.record.verdict, ran.record.reason) == ("PASS", "")


def test_a_port_that_stays_away_is_an_error_that_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with rig() as bench:
        ran = unplugged(bench, SHIFTED, 1000.0, tmp_path, monkeypatch)
        assert not ran.twin.circuit.main.closed
    assert ran.record.verdict == "ERROR"
    assert "did not come back within 3 s: plug its adapter in" in ran.record.reason
    assert ran.record.thresholds.startswith("NOT RESTORED")
