"""SIGKILL at every flushed line of an end-of-line run, each on a served twin of its own in stepped time.

`kills.py [--lines N] [--draw TEXT] [--jobs N]`: all lines, or N of them drawn by TEXT. After each kill: supply and load
are off within 2 s as the instruments say themselves, the next start closes the run and signs its certificate, a pack
that is owed thresholds stays BLOCKED until `station restore` has put them back, and no flushed line is lost.
"""

from __future__ import annotations

import argparse
import io
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "guard"))
sys.path.insert(0, str(Path(__file__).parent))

from stop_bench import SERIAL, STATION, Eye, end, within  # found by the line above
from workers import commit, each

from station.bms.errors import BmsError, PackSilent
from station.bms.pace_modbus import PaceModbus
from station.cli.main import status
from station.clock import HeldClock, Scopes, WallClock
from station.guard import JOURNAL
from station.model.bench import Bench, PortEntry, WiredEntry
from station.model.events import AnyEvent, GuardReady, OriginalsKept, ParametersRestored
from station.model.files import build, read
from station.model.library import Library
from station.model.record import Record
from station.model.verdict import EXIT_STATUS, Verdict
from station.records import RunFolder, StillWritten, held, lines, read_journal, run_folders
from station.report.keys import KeyStore
from station.run.plan import Files
from station.studies.rig import Station
from station.studies.simulation import DEFAULT_STATE, read_simulated
from station.wires.serial import SerialWire

SEQUENCE = "eol"
ASK = """\
sequence: ask
title: The pack says how many cells it has
pack: [bali48]
steps:
  - step: ask
    measure: cell_count
"""
OFF_WITHIN = 2.0
"""Seconds from the death of the run until supply and load must be off; those in which the operating system gave the
guard or the twin no processor do not count, or a busy machine would be taken for a slow guard.
"""
PATIENCE = 60.0
"""Wall seconds for a process, on a machine that is busy."""
PRESS, BOOT = 1.5, 4.0
"""Seconds of the key that starts a pack, and until it answers for sure."""
BLOCKED = EXIT_STATUS[Verdict.BLOCKED]
KILLED = -9


@dataclass(frozen=True, slots=True)
class Whole:
    """A run that nobody kills: what it flushes, and the registers of its pack before it."""

    flushed: tuple[str, ...]
    """Kind of event, line by line."""
    words: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class Kill:
    """One kill and what came of it; it was survived if nothing is `wrong`."""

    line: int
    event: str
    was_on: bool = False
    """Whether supply or load was on when the run died."""
    off_s: float = 0.0
    """Wall seconds until supply and load were off."""
    withheld_s: float = 0.0
    """Seconds of these in which guard or twin were ready to run and got no processor."""
    owed: bool = False
    """Whether the run had kept thresholds and not put them back."""
    verdict: str = ""
    wrong: tuple[str, ...] = ()


class Wrong(Exception):
    """What must not be after a kill."""


def whole() -> Whole:
    """Carry out the run once, beside its twin; raises Wrong unless it is PASS."""
    station = Station.of(SEQUENCE)
    simulated = read_simulated(station.files, DEFAULT_STATE, (), 1)
    with tempfile.TemporaryDirectory() as data, station.rig(simulated, SERIAL) as bench:
        words = dict(bench.twin.bms.memory.words)
        ran = bench.run(Path(data))
        flushed = tuple(event.event for event in read_journal(ran.folder.journal) if event.durable)
    _see(ran.record.verdict is Verdict.PASS, f"a run that nobody kills is {ran.record.verdict}: {ran.record.reason}")
    return Whole(flushed, words)


def drawn(count: int, every: int, draw: str) -> list[int]:
    """So many of the lines 1 to `every`, in order; always the same for the same text."""
    return sorted(random.Random(draw).sample(range(1, every + 1), min(count, every)))


def kills(of: Whole, which: Iterable[int], jobs: int) -> Iterator[Kill]:
    """Kill a run at each of these lines; in the order in which they are done."""
    return each(partial(killed, of), which, jobs)


def killed(of: Whole, line: int) -> Kill:
    """Kill a run at a line and look at all that follows."""
    kill = Kill(line, of.flushed[line - 1])
    with tempfile.TemporaryDirectory(prefix="kill-", ignore_cleanup_errors=True) as name, _served(Path(name)) as scene:
        try:
            return scene.survive(kill, of)
        except (Wrong, AssertionError, OSError, BmsError, subprocess.TimeoutExpired) as error:
            return replace(kill, wrong=(str(error) or type(error).__name__,))


# ---------------------------------------------------------------------------------------------- one kill


@dataclass(frozen=True)
class Scene:
    """A served twin with its pack as it comes, and a folder for one kill."""

    folder: Path
    bench: Bench
    eye: Eye
    twin: int
    """Process that serves it."""

    @property
    def data(self) -> Path:
        """Where the runs keep their files."""
        return self.folder / "data"

    @property
    def ready(self) -> Path:
        """The bench file of the served twin."""
        return self.folder / "bench.yaml"

    def survive(self, kill: Kill, of: Whole) -> Kill:
        """Kill, wait, start again, restore; raises Wrong, or AssertionError for what takes too long."""
        told, kill = self.die(kill)
        (folder,) = run_folders(self.data)
        before = folder.journal.read_bytes()
        owed, verdict = _owed(told), _verdict(told)
        if not owed:
            self.wake()
        self.start_again(folder, verdict, owed=owed)
        if owed:
            self.restore()
        after = folder.journal.read_bytes()
        with self.pack() as pack:
            now = pack.parameters()
        changed = sorted(address for address, word in now.items() if word != of.words[address])
        _see(not changed, f"registers {changed} are not what they were")
        _see(after.startswith(before), "the journal of the dead run was rewritten")
        flushed = [event for event in lines(after) if event is not None and event.durable]
        _see(flushed[: len(told)] == told, "a flushed line is missing")
        kill = replace(kill, owed=owed, verdict=verdict)
        late = f"supply and load were off after {kill.off_s:.2f} s only"
        return replace(kill, wrong=(late,)) if kill.off_s - kill.withheld_s > OFF_WITHIN else kill

    def die(self, kill: Kill) -> tuple[list[AnyEvent | None], Kill]:
        """What the run had flushed when it died; and the kill with what the outputs did."""
        told = self.folder / "told.jsonl"
        dies = (sys.executable, str(Path(__file__).with_name("dies.py")), str(kill.line), str(told))
        command = [*dies, "run", SEQUENCE, *self._where(), "--json"]
        with (self.folder / "died.log").open("wb") as log:  # no pipe: the guard would hold it open
            run = subprocess.Popen(command, stdout=log, stderr=log)
            hung = threading.Timer(PATIENCE, run.kill)
            hung.start()
            code = run.wait()  # without a time-out, which would look every 50 ms only
            died = time.monotonic()
            withheld = Withheld((self.twin, *self._guards()))
            was_on = not self.eye.outputs_off()
            hung.cancel()
        within(PATIENCE, lambda: self.eye.outputs_off() or withheld.look())
        kill = replace(kill, was_on=was_on, off_s=time.monotonic() - died, withheld_s=withheld.seconds)
        said = (self.folder / "died.log").read_text(encoding="utf-8")
        _see(code == KILLED, f"the run ended with status {code}: {' '.join(said.split())[:300]}")
        within(PATIENCE, self.eye.safe)
        within(PATIENCE, self._guard_is_gone)
        return list(lines(told.read_bytes())), kill

    def start_again(self, dead: RunFolder, verdict: Verdict, *, owed: bool) -> None:
        """The next start closes the dead run, and tests its pack only if it has its thresholds."""
        ask = self.folder / "ask.yaml"
        ask.write_text(ASK, encoding="utf-8")
        code, said = _typed("run", str(ask), *self._where())
        _see(f"closed as {verdict}" in said, f"the next start did not close the run as {verdict}: {said}")
        _see(code == (BLOCKED if owed else 0), f"the next start ended with status {code}: {said}")
        _see("station restore" in said or not owed, f"nobody is told to restore: {said}")
        record = Record.model_validate_json(dead.record.read_bytes())
        _see(record.verdict is verdict, f"its record says {record.verdict}")
        code, said = _typed("verify", str(dead.certificate), "--simulated")
        _see(code == 0, f"its certificate is not genuine: {said}")

    def restore(self) -> None:
        """Put the thresholds back; a pack that sleeps is started as `station restore` says."""
        code, said = _typed("restore", *self._where())
        if "start it with its key" in said:
            self.press_key()
            code, said = _typed("restore", *self._where())
        _see(code == 0 and f"restored: {SERIAL}" in said, f"restore ended with status {code}: {said}")

    def wake(self) -> None:
        """Start the pack if it sleeps."""
        try:
            with self.pack() as pack:
                pack.text("pack_sn")
        except PackSilent:
            self.press_key()

    def press_key(self) -> None:
        """Start the pack, by the solenoid over its key."""
        key, served = self.bench.roles(1)["key"], self.bench.served
        assert isinstance(key, WiredEntry)
        assert served is not None
        with HeldClock(served.clock) as clock:
            for relay, seconds in (("CLOS", PRESS), ("OPEN", BOOT)):
                self.eye.ask("switch", f"ROUT:{relay} (@{key.output});*OPC?")
                clock.wait(seconds)

    @contextmanager
    def pack(self) -> Iterator[PaceModbus]:
        """The pack as any program finds it that knows nothing of clocks."""
        files, clock, entry = Files(Library.default()), WallClock(), self.bench.roles(1)["rs485_a"]
        assert isinstance(entry, PortEntry)
        wire = SerialWire(entry.at, Scopes(clock), 9600)
        try:
            yield PaceModbus(wire, files.protocol(files.pack("bali48")), entry.address, clock, cells=15)
        finally:
            wire.close()

    def _where(self) -> tuple[str, ...]:
        return ("--serial", SERIAL, "--bench", str(self.ready), "--data", str(self.data))

    def _guards(self) -> tuple[int, ...]:
        journals = (folder.path / JOURNAL for folder in run_folders(self.data))
        events = (event for journal in journals if journal.exists() for event in read_journal(journal, GuardReady))
        return tuple(event.process for event in events if isinstance(event, GuardReady))

    def _guard_is_gone(self) -> bool:
        for folder in run_folders(self.data):
            with suppress(StillWritten), held(folder.path / JOURNAL):
                return True
        return False


class Withheld:
    """Seconds for which processes were ready to run and got no processor, as the kernel counts them (Linux)."""

    def __init__(self, processes: Iterable[int]) -> None:
        """Count from now on."""
        self._of = {process: (waited, waited) for process in processes for waited in [_waited(process, 0.0)]}

    @property
    def seconds(self) -> float:
        """As of the last look."""
        return sum(last - first for first, last in self._of.values())

    def look(self) -> bool:
        """Look again; false, so that it can stand behind a condition that does not hold yet."""
        self._of = {process: (first, _waited(process, last)) for process, (first, last) in self._of.items()}
        return False


def _waited(process: int, otherwise: float) -> float:
    """Seconds that a process, or its busiest thread, has waited for a processor; `otherwise` once it is gone."""
    try:
        threads = [path.read_text().split() for path in Path(f"/proc/{process}/task").glob("*/schedstat")]
        return max(int(waited) for _, waited, _ in threads) / 1e9
    except (OSError, ValueError):
        return otherwise


@contextmanager
def _served(folder: Path) -> Iterator[Scene]:
    """Serve a twin in stepped time while the block runs."""
    ready = folder / "bench.yaml"
    with (folder / "serve.log").open("wb") as log:
        twin = subprocess.Popen(
            [*STATION, "twin", "serve", "--time", "stepped", "--ready", str(ready)], stdout=log, stderr=log
        )
        try:
            within(PATIENCE, lambda: ready.exists() or twin.poll() is not None)
            bench = build(read(ready), Bench)
            eye = Eye(bench)
            try:
                yield Scene(folder, bench, eye, twin.pid)
            finally:
                eye.close()
        finally:
            end(twin)


def _typed(*arguments: str) -> tuple[int, str]:
    """Exit status of a command and all that it said, one word after the other."""
    said = io.StringIO()
    with redirect_stdout(said), redirect_stderr(said):
        code = status([*arguments])
    return code, " ".join(said.getvalue().replace("│", " ").split())


def _owed(told: Sequence[AnyEvent | None]) -> bool:
    """Whether thresholds were kept and not put back since."""
    last = [event for event in told if isinstance(event, OriginalsKept | ParametersRestored)][-1:]
    return any(isinstance(event, OriginalsKept) or event.wrong for event in last)


def _verdict(told: Sequence[AnyEvent | None]) -> Verdict:
    """What the next start must make of the run."""
    last = told[-1]
    return last.verdict if last is not None and last.event == "run_ended" else Verdict.ABORTED


def _see(holds: bool, otherwise: str) -> None:
    if not holds:
        raise Wrong(otherwise)


# ---------------------------------------------------------------------------------------------- as a program


def table(done: Iterable[Kill]) -> Iterator[str]:
    """One line for each kill."""
    yield f"{'line':>4}  {'flushed':<20}  {'was':<3}  {'off after':>9}  {'withheld':>8}  {'closed as':<9}  thresholds"
    for kill in done:
        thresholds = "blocked, restored" if kill.owed else "as they were"
        times = f"{kill.off_s:7.2f} s  {kill.withheld_s:6.2f} s"
        end = f"{'on' if kill.was_on else 'off':<3}  {times}  {kill.verdict:<9}  {thresholds}" if kill.verdict else ""
        yield "  ".join(filter(None, (f"{kill.line:4}", f"{kill.event:<20}", end, "; ".join(kill.wrong))))


def summary(done: Sequence[Kill]) -> str:
    """Kills survived out of kills made."""
    survived = sum(not kill.wrong for kill in done)
    on, slowest = sum(kill.was_on for kill in done), max(kill.off_s for kill in done)
    return f"{survived} of {len(done)} kills survived; {on} with an output on, off within {slowest:.2f} s"


def main() -> int:
    """Print a line for each kill, then how many were survived; 1 unless all were."""
    parser = argparse.ArgumentParser(description="Kill an end-of-line run at every line that its journal flushed.")
    parser.add_argument("--lines", type=int, help="so many lines, drawn; without it, all of them")
    parser.add_argument("--only", type=int, nargs="+", help="these lines alone")
    parser.add_argument("--draw", default=commit(), help="what they are drawn by; the commit, if not said")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)), help="so many at once")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as keys:
        os.environ["STATION_KEYS"] = keys
        KeyStore(Path(keys)).keys("simulated")
        of = whole()
        every = len(of.flushed)
        which = chosen.only or drawn(chosen.lines or every, every, chosen.draw)
        done = list[Kill]()

        def counted() -> Iterator[Kill]:
            for kill in kills(of, which, chosen.jobs):
                done.append(kill)
                yield kill

        for row in table(counted()):
            print(row, flush=True)
    print(summary(done))
    return 1 if any(kill.wrong for kill in done) else 0


if __name__ == "__main__":
    sys.exit(main())
