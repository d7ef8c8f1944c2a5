"""What people and computers do wrong (`do` in a fault file), carried out on a simulated bench for a verdict."""

from __future__ import annotations

import errno
import multiprocessing
import os
import signal
import socket
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import singledispatch
from pathlib import Path

import numpy as np

from station.bench import leased, resources
from station.model import fault as words
from station.model.bench import OPERATOR, Role, WiredEntry
from station.model.events import Event, StepStarted
from station.model.files import InvalidFile, Model
from station.model.library import FOLDERS, Library
from station.model.record import Record
from station.model.verdict import Verdict
from station.records import lines, run_folders, waiting_runs
from station.report.keys import KeyStore, default_folder
from station.report.verify import verify
from station.report.wording_file import load_wording
from station.report.write import write_certificate
from station.run.approval import approve, kind_of
from station.run.golden import GOLDEN
from station.run.history import PRODUCTION
from station.run.recovery import close_dead_runs
from station.studies.rig import Ran, Rig, Station
from station.studies.simulation import Simulated
from station.twin.person import TwinPerson
from station.twin.world import Twin

START = "start-checks"
"""Where a run is stopped before its first step."""
VERIFY = "verify"
"""Where a certificate is refused."""
DIES_WITHIN = 120.0
"""Wall seconds for a process to reach the step in which it is killed."""
LONG_AGO = date(2000, 1, 1)
DELAY, WITHIN = 1.0, 2.0
"""Seconds of a trip that is about to come, and of a step, in which something happens."""


class CannotBeDone(Exception):
    """A deed that nobody can do to this station yet; the message says why."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How it ended: the verdict, the step that decided it, and the reason in the station's own words."""

    verdict: Verdict
    step: str = ""
    reason: str = ""
    record: Record | None = None

    @classmethod
    def of(cls, record: Record) -> Ending:
        """The end of a run."""
        step, colon, reason = record.reason.partition(": ")
        return cls(record.verdict, step, reason, record) if colon else cls(record.verdict, "", record.reason, record)


Prepare = Callable[[Rig], None]
"""What is set up on a rig before its run."""


@dataclass(frozen=True, slots=True)
class Scene:
    """A station, a pack on its bench, and a folder for the runs."""

    station: Station
    simulated: Simulated
    serial_number: str
    data: Path

    def ran(self, *prepare: Prepare, scanned: str = "") -> Ran:
        """One run; raises NotWritable or InvalidFile where the station would not begin."""
        with self.station.rig(self.simulated, self.serial_number, scanned=scanned) as rig:
            rig.purpose = PRODUCTION
            for each in prepare:
                each(rig)
            return rig.run(self.data)

    def run(self, *prepare: Prepare, scanned: str = "") -> Ending:
        """How one run ends: BLOCKED where the station refuses to begin, ERROR where it cannot store what it did."""
        steps = [""]

        def follow(rig: Rig) -> None:
            rig.listeners.append(lambda event: steps.append(event.step) if isinstance(event, StepStarted) else None)

        try:
            return Ending.of(self.ran(follow, *prepare, scanned=scanned).record)
        except InvalidFile as error:
            return Ending(Verdict.BLOCKED, START, str(error))
        except OSError as error:
            return Ending(Verdict.ERROR, steps[-1], str(error))

    @property
    def moment(self) -> float:
        """When something happens, as a share of the time in which it may; another one for each seed."""
        return float(np.random.default_rng((self.simulated.seed, 6)).random())


# ------------------------------------------------------------------------------------------------ the deeds


@singledispatch
def do(deed: Model, scene: Scene) -> Ending:
    """Carry a deed out; raises CannotBeDone for one that this station gives no occasion for."""
    del scene
    raise CannotBeDone(f"this version of the station gives no occasion for `{deed}`")


@do.register
def _scan(deed: words.Scan, scene: Scene) -> Ending:
    return scene.run(scanned=deed.scan)


@do.register
def _repeat(_: words.Repeat, scene: Scene) -> Ending:
    scene.run()
    return scene.run()


@do.register
def _stop(deed: words.StopAt, scene: Scene) -> Ending:
    return scene.run(lambda rig: rig.at(deed.stop_at, lambda: rig.scopes.stop("stopped by the operator")))


@do.register
def _kill(deed: words.KillAt, scene: Scene) -> Ending:
    _die(scene, deed.kill_at)
    return _closed(scene, deed.kill_at)


@do.register
def _power_loss(deed: words.PowerLossAt, scene: Scene) -> Ending:
    _die(scene, deed.power_loss_at)
    for folder in run_folders(scene.data):
        _tear(folder.journal)
    return _closed(scene, deed.power_loss_at)


@do.register
def _disk(deed: words.Disk, scene: Scene) -> Ending:
    if deed.at_step is None:
        (scene.data / "runs").write_bytes(b"")  # a file where the folder should be takes nothing, on any system
        return scene.run()
    code = errno.ENOSPC if deed.disk == "full" else errno.EROFS
    full = list[OSError]()

    def store(_: Event) -> None:
        if full:
            raise full[0]

    def prepare(rig: Rig) -> None:
        rig.listeners.append(store)
        rig.at(deed.at_step, lambda: full.append(OSError(code, os.strerror(code))))

    return scene.run(prepare)


@do.register
def _clock(deed: words.ClockJump, scene: Scene) -> Ending:
    def prepare(rig: Rig) -> None:
        true, jump = rig.scopes.utc, timedelta(seconds=deed.clock)
        rig.at(deed.at_step, lambda: setattr(rig.scopes, "utc", lambda: true() + jump))

    return scene.run(prepare)


@do.register
def _stall(deed: words.Stall, scene: Scene) -> Ending:
    def prepare(rig: Rig) -> None:
        mid_trip = _after(rig, DELAY * scene.moment, lambda: _about_to_trip(rig.twin))
        rig.at(deed.at_step, lambda: rig.clock.wait(deed.stall.si), mid_trip)

    return scene.run(prepare)


@do.register
def _hold(_: words.Hold, scene: Scene) -> Ending:
    with (
        scene.station.rig(scene.simulated, scene.serial_number) as rig,
        leased(resources(rig.served, rig.plan.slot), "run of another station"),
    ):
        return Ending.of(rig.run(scene.data).record)


@do.register
def _golden(_: words.Golden, scene: Scene) -> Ending:
    pack = scene.station.bench.golden_pack
    if pack is None:
        raise CannotBeDone(f"bench {scene.station.bench.bench} has no golden pack")
    return replace(scene, serial_number=pack.serial).run(lambda rig: setattr(rig, "purpose", GOLDEN))


@do.register
def _edit(deed: words.Edit, scene: Scene) -> Ending:
    if deed.edit == "calibration":
        return scene.run(_expire)
    _approve(scene)
    return replace(scene, station=_with_other_limits(scene)).run()


@do.register
def _answer(deed: words.Answers, scene: Scene) -> Ending:
    here = scene if deed.by_operator is None else replace(scene, station=_by_operator(scene.station, deed.by_operator))

    def prepare(rig: Rig) -> None:
        rig.person = TwinPerson(rig.twin, rig.clock, scene.serial_number, deed.answers)

    return here.run(prepare)


@do.register
def _tamper(_: words.Tamper, scene: Scene) -> Ending:
    ran, keys = scene.ran(), KeyStore(scene.data / "keys")
    wording = load_wording(scene.station.files.library.find("report", "certificate"))
    certificate = write_certificate(ran.record, ran.folder.certificate, keys, wording)
    content = certificate.read_bytes()
    middle = len(content) // 2
    certificate.write_bytes(content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :])
    found = verify(certificate, keys.trusted(), accept_simulated=True)
    return Ending(ran.record.verdict, "" if found.genuine else VERIFY, found.reason, ran.record)


@do.register
def _store(_: words.Store, scene: Scene) -> Ending:
    with _nobody_listens() as port:
        url = f"postgresql+psycopg://station@127.0.0.1:{port}/records"
        bench = scene.station.bench.model_copy(update={"store": url})
        ending = replace(scene, station=replace(scene.station, bench=bench)).run()
        wrong = _lost(scene.data, url)
    return replace(ending, verdict=Verdict.ERROR, step="", reason=wrong) if wrong else ending


# ------------------------------------------------------------------------------------------------ how


def _after(rig: Rig, seconds: float, begins: Callable[[], bool] = lambda: True) -> Callable[[], bool]:
    """True from so many seconds after something was first seen to have begun."""
    since = list[float]()

    def ready() -> bool:
        if not since and begins():
            since.append(rig.clock.now())
        return bool(since) and rig.clock.now() >= since[0] + seconds

    return ready


def _about_to_trip(twin: Twin) -> bool:
    return any(protection.pending for protection in twin.bms.protections.values())


def _die(scene: Scene, step: str) -> None:
    """Let a run die in a process of its own, as suddenly as the system allows."""
    station = scene.station
    here = (station.sequence, station.bench.bench, scene.simulated, scene.serial_number, scene.data, step)
    process = multiprocessing.get_context("spawn").Process(target=_run_until_death, args=here)
    process.start()
    process.join(DIES_WITHIN)
    lived = process.exitcode in (None, 0, 1)  # 1: it never began
    process.kill()
    process.join()
    if lived:
        raise CannotBeDone(f"the run never came to {step}, or ended before it could be killed there")


def _run_until_death(
    sequence: str, bench: str, simulated: Simulated, serial_number: str, data: Path, step: str
) -> None:
    scene = Scene(Station.of(sequence, bench), simulated, serial_number, data)
    scene.run(lambda rig: rig.at(step, _drop_dead, _after(rig, WITHIN * scene.moment)))


def _drop_dead() -> None:
    os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))  # on Windows every signal ends a process at once


def _tear(journal: Path) -> None:
    """Lose what was never flushed: all after the last durable event, but for a half of the line that follows it."""
    kept = journal.read_bytes().splitlines(keepends=True)
    events = list(lines(b"".join(kept)))
    safe = max((number for number, event in enumerate(events, 1) if event and event.durable), default=0)
    torn = kept[safe][: len(kept[safe]) // 2] if safe < len(kept) else b""
    journal.write_bytes(b"".join(kept[:safe]) + torn)


def _closed(scene: Scene, step: str) -> Ending:
    """What the next start of the station makes of a run that died in a step."""
    said = list(close_dead_runs(scene.data, scene.station.files.pack, lambda record, folder: None))
    found = [folder for folder in run_folders(scene.data) if folder.record.is_file()]
    if not found:
        return Ending(Verdict.ERROR, step, said[-1] if said else "the run was not found again")
    record = Record.model_validate_json(found[-1].record.read_bytes())
    return Ending(record.verdict, step, record.reason, record)


def _by_operator(station: Station, role: Role) -> Station:
    """The same station, with a role that a person fills in every slot."""
    slots = {slot: {**roles, role: WiredEntry(by=OPERATOR)} for slot, roles in station.bench.slots.items()}
    return replace(station, bench=station.bench.model_copy(update={"slots": slots}))


def _expire(rig: Rig) -> None:
    """Let the calibration of the supply have run out."""
    supply = rig.served.shared["supply"].model_copy(update={"calibrated_until": LONG_AGO})
    rig.served = rig.served.model_copy(update={"shared": {**rig.served.shared, "supply": supply}})


def _approve(scene: Scene) -> None:
    """Somebody approves the files as they are."""
    plan = scene.station.plan(scene.serial_number)
    keys = KeyStore(default_folder()).keys(kind_of(plan))
    approve(scene.data, scene.station.files, plan, "the study", datetime.now(UTC), keys)


def _with_other_limits(scene: Scene) -> Station:
    """The same station, with a pack file that somebody has touched since it was approved."""
    station, library = scene.station, scene.station.files.library
    name = station.plan(scene.serial_number).pack.pack
    edited = scene.data / "edited" / FOLDERS["pack"] / f"{name}.yaml"
    edited.parent.mkdir(parents=True)
    edited.write_text(library.find("pack", name).read_text("utf-8") + "# touched\n", "utf-8")
    return Station.of(station.sequence, station.bench.bench, Library((scene.data / "edited", *library.roots)))


@contextmanager
def _nobody_listens() -> Iterator[int]:
    """A port of this machine that is taken, so that nobody can come to listen there, and refuses every connection."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


def _lost(data: Path, unreachable: str) -> str:
    """Send what waits in vain, and then to a store that can be reached; how a run was lost on the way, if one was."""
    from station.records import central

    try:
        taken = [*central.send(unreachable, waiting_runs(data))]
        return f"a store that cannot be reached took {len(taken)} runs"
    except central.Unreachable:
        waiting = waiting_runs(data)
    if not waiting:
        return "no run waits for the central store, which could not be reached"
    file = data / "store.sqlite"
    troubles = [each.trouble for each in central.send(f"sqlite:///{file}", waiting) if each.trouble]
    with closing(sqlite3.connect(file)) as store:
        there = [text.encode() for (text,) in store.execute("SELECT record FROM runs ORDER BY run")]
    if troubles or [folder.record.read_bytes() for folder in waiting] != there:
        return f"{len(waiting)} runs waited for the central store, and {len(there)} arrived whole {troubles}"
    return "runs wait that the central store has" if waiting_runs(data) else ""
