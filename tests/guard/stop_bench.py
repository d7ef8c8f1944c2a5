"""A served twin, runs on it in processes of their own, and an eye on its outputs that nobody else knows of."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from station.model.bench import Bench, InstrumentEntry
from station.model.events import AnyEvent, Event, GuardActed, MadeSafe, OutputChanging
from station.model.files import build, read
from station.records import RunFolder, read_journal, run_folders

SERIAL = "BALI48-000001"
WAKE = """\
sequence: wake
title: The key is pressed until the pack answers
pack: [bali48]
steps:
  - step: start
    press_key: start
    expect: [{answers: rs485_a}]
"""
LOOK = """\
sequence: look
title: The pack is looked at, and then a current may flow until somebody stops it
pack: [bali48]
steps:
  - step: window
    gate: true
    require: serial_number
    measure: [polarity, terminal_voltage]
    limit: {terminal_voltage: rest_window}
"""
SEQUENCES = {
    "wake": WAKE,
    "look": LOOK,
    "discharge": f"{LOOK}  - step: flow\n    discharge: full\n    until: shiftable\n",
    "charge": f"{LOOK}  - step: flow\n    charge: standard\n    until: shiftable\n",
}
STATION = (sys.executable, "-m", "station")
FLOWS_WITHIN, START_EVERY = 20.0, 0.05
"""Wall seconds from the start of a process until current flows, on a machine that is busy, and between two looks."""


def within(seconds: float, condition: Callable[[], bool], every: float = 0.01) -> float:
    """Wall seconds until a condition holds, which is looked at `every` so many; fails after `seconds`."""
    began = time.monotonic()
    while not condition():
        took = time.monotonic() - began
        assert took < seconds, f"not within {seconds} s"
        time.sleep(every)
    return time.monotonic() - began


class Eye:
    """Reads the instruments of the served bench over its own connections."""

    def __init__(self, bench: Bench) -> None:
        """Connect to load, supply and switch unit."""
        self._sockets = {
            role: socket.create_connection(("127.0.0.1", int(entry.at.split("::")[2])), timeout=5)
            for role, entry in bench.roles(1).items()
            if isinstance(entry, InstrumentEntry)
        }

    def ask(self, role: str, question: str) -> str:
        """The reply of an instrument."""
        self._sockets[role].sendall(question.encode() + b"\n")
        reply = b""
        while not reply.endswith(b"\n"):
            reply += self._sockets[role].recv(4096)
        return reply.decode().strip()

    def outputs_off(self) -> bool:
        """Whether load and supply are both off."""
        return self.ask("load", "LOAD?") in ("OFF", "0") and self.ask("supply", "CONF:OUTP?") in ("OFF", "0")

    def flowing(self) -> bool:
        """Whether more than 10 A flow, through the shunt of 200 uOhm: a charge has 20 A, a discharge 100 A."""
        return abs(float(self.ask("switch", "MEAS:VOLT:DC? (@101)"))) > 10 * 200e-6

    def safe(self) -> bool:
        """Outputs off, contactor open, key released."""
        return self.outputs_off() and self.ask("switch", "ROUT:CLOS? (@201,202)") == "0,0"

    def close(self) -> None:
        """Close the connections."""
        for connection in self._sockets.values():
            connection.close()


@dataclass
class Run:
    """A `station run` in a process of its own."""

    process: subprocess.Popen[bytes]
    data: Path
    eye: Eye

    @property
    def pid(self) -> int:
        """Process of the run itself."""
        return self.process.pid

    @property
    def folder(self) -> RunFolder:
        """Where it keeps its files."""
        (found,) = run_folders(self.data)
        return found

    def events(self, *kinds: type[Event]) -> list[AnyEvent]:
        """What its own journal says so far."""
        return list(read_journal(self.folder.journal, *kinds))

    def guarded(self, *kinds: type[Event]) -> list[AnyEvent]:
        """What the journal of its guard says so far."""
        return list(read_journal(self.folder.path / "guard.jsonl", *kinds))

    def guard(self) -> int:
        """Process of its guard."""
        text = (self.folder.path / "guard.jsonl").read_text(encoding="utf-8")
        return int(json.loads(text.splitlines()[0])["process"])

    def guard_acted(self) -> GuardActed:
        """Why the guard took over, as soon as it has proven the bench safe."""
        within(10, lambda: bool(self.guarded(MadeSafe)))
        acted, safe = self.guarded(GuardActed, MadeSafe)
        assert isinstance(acted, GuardActed)
        assert isinstance(safe, MadeSafe)
        assert not safe.trouble
        return acted

    def wait_for_current(self) -> None:
        """Until current flows and the run has said so."""
        within(FLOWS_WITHIN, lambda: self.alive() and any(True for _ in run_folders(self.data)), START_EVERY)
        within(FLOWS_WITHIN, lambda: self.alive() and self.eye.flowing(), START_EVERY)
        assert self.events(OutputChanging)

    def alive(self) -> bool:
        """True; fails with what the run said if it has ended."""
        if self.process.poll() is not None:
            said = self.process.stdout.read().decode() if self.process.stdout else ""
            raise AssertionError(f"the run ended with status {self.process.returncode}: {said}")
        return True

    def send(self, *signals: signal.Signals) -> None:
        """Send signals to the process of the run, one after the other."""
        for each in signals:
            os.kill(self.pid, each)

    def ended(self) -> int:
        """Its exit status; fails if it takes long."""
        return self.process.wait(timeout=20)


@dataclass
class ServedBench:
    """A twin in a process of its own, and a folder for sequences and bench file."""

    folder: Path
    file: Path
    eye: Eye

    def command(self, sequence: str, data: Path) -> list[str]:
        """What a person types to run one of `SEQUENCES`."""
        path = self.folder / f"{sequence}.yaml"
        path.write_text(SEQUENCES[sequence], encoding="utf-8")
        return [*STATION, "run", str(path), "--serial", SERIAL, "--bench", str(self.file), "--data", str(data)]

    def start(self, data: Path, sequence: str = "discharge", *, own_session: bool = False) -> Run:
        """Start a run; the caller ends it."""
        process = subprocess.Popen(
            self.command(sequence, data),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=own_session,
        )
        return Run(process, data, self.eye)

    @contextmanager
    def flowing(self, data: Path, direction: str = "discharge", *, own_session: bool = False) -> Iterator[Run]:
        """A run in which current flows; whatever is left of it afterwards is ended."""
        run = self.start(data, direction, own_session=own_session)
        try:
            run.wait_for_current()
            yield run
        finally:
            end(run.process)
            within(5, self.eye.safe)


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process that may be stopped, and its pipe."""
    if process.poll() is None:
        process.kill()
    process.wait(timeout=10)
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()


@contextmanager
def served_bench(folder: Path, faults: Sequence[str] = (), time: str = "wall") -> Iterator[ServedBench]:
    """Serve a twin whose pack is awake while the block runs."""
    ready = folder / "bench.yaml"
    options = [text for fault in faults for text in ("--fault", fault)]
    log: IO[bytes]
    with (folder / "serve.log").open("wb") as log:
        command = [*STATION, "twin", "serve", "--twin", "shelf_2w", "--time", time, "--ready", str(ready), *options]
        twin = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        within(20, lambda: ready.exists() or twin.poll() is not None)
        eye = Eye(build(read(ready), Bench))
        bench = ServedBench(folder, ready, eye)
        try:
            woken = subprocess.run(bench.command("wake", folder / "wake"), capture_output=True, timeout=60)
            assert woken.returncode == 0, woken.stdout.decode()
            yield bench
        finally:
            eye.close()
    finally:
        twin.terminate()
        try:
            twin.wait(timeout=20)
        finally:
            end(twin)
