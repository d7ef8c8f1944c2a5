"""The work of the guard process: listen to the run, look at the emergency stop, and make the bench safe if need be.

It runs in a session of its own, deaf to signals meant for the run, and opens connections of its own only to act.
"""

from __future__ import annotations

import os
import pickle
import queue
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime

from station.bench import Held, OpenBench, SafeState, leased, make_safe, resources
from station.clock import Scopes, WallClock
from station.guard._estop import Estop
from station.guard._starter import Starter
from station.guard._watch import Cause, Watch
from station.guard._words import Brief, Reply, Word
from station.model.events import Event, GuardActed, GuardReady, MadeSafe
from station.model.quantity import Quantity
from station.records import Journal

TICK = 0.02
"""Seconds of silence after which the guard looks around."""
DIES_WITHIN = 0.5
"""Seconds for a killed process to let go of its connections."""
TRIES, TRY_AGAIN_AFTER = 20, 1.0
"""How often the safe state is tried, and seconds in between: an instrument may be back in a moment."""
ACTS_ON = ("load", "supply", "switch")
"""Roles whose drivers are loaded before they are needed."""
DEAF_TO = ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGTSTP", "SIGUSR1", "SIGUSR2", "SIGBREAK")


class Watchman:
    """One guard at work."""

    def __init__(self, brief: Brief, run: Starter, journal: Journal) -> None:
        """Load everything that acting needs; nothing is connected yet."""
        self._run = run
        self._brief = brief
        self._journal = journal
        self._clock = WallClock()
        self._bench = OpenBench(brief.bench, brief.slot, brief.protocol, brief.cells, self._clock, Scopes(self._clock))
        _load(self._bench)
        self._estop = Estop(self._bench) if brief.watch_estop else None
        self._words: queue.Queue[Word] = queue.Queue()

    def watch(self) -> None:
        """Say that all is ready, and watch until the run is over or the guard had to act."""
        threading.Thread(target=self._listen, name="pipe", daemon=True).start()
        self._note(GuardReady(at_s=self._at_s, process=os.getpid()))
        _reply(Reply.READY)
        watch, cause = Watch(), None
        while cause is None and not watch.over:
            cause = self._turn(watch)
        if cause is not None:
            self._act(cause)
        self._bench.close()

    def _listen(self) -> None:
        while byte := os.read(0, 1):
            self._words.put(Word(byte))
        self._words.put(Word.GONE)

    def _turn(self, watch: Watch) -> Cause | None:
        """Hear the next word; where there is none, look around."""
        try:
            word = self._words.get(timeout=TICK)
        except queue.Empty:
            self._look_at_estop(watch)
            return watch.silence(self._clock.now()) if self._words.empty() else None
        if word is Word.ALIVE:
            _reply(Reply.ALIVE)
        return watch.hear(word, self._clock.now())

    def _look_at_estop(self, watch: Watch) -> None:
        if self._estop is None or not watch.armed or watch.told is not None:
            return
        told = self._estop.look()
        if told is not None:
            watch.told = self._clock.now()
            _reply(told)

    def _act(self, cause: Cause) -> None:
        """End the run, make the bench safe, and only then write down why; try again what cannot be proven."""
        if cause.kill:
            self._end_run()
        acted = False
        for attempt in range(TRIES):
            self._clock.wait(TRY_AGAIN_AFTER if attempt else 0.0)
            safe = self._made_safe(cause)
            if safe.state and not acted:
                acted = True
                self._note(GuardActed(at_s=self._at_s, when=_now(), why=cause.why, killed=cause.kill))
            self._note(MadeSafe(at_s=self._at_s, state=safe.state, trouble=safe.trouble))
            if not safe.trouble:
                return

    def _made_safe(self, cause: Cause) -> SafeState:
        """Make the bench safe, unless another run holds it by now, which has seen to that itself."""
        try:
            with self._lease():
                return make_safe(self._bench)
        except Held as held:
            return SafeState("", (f"{cause.why}; its guard left the bench alone: {held}",))

    @contextmanager
    def _lease(self) -> Iterator[None]:
        """Hold the bench, so that no run begins on it meanwhile; raises Held where one has begun.

        A run that could not be ended, or a folder that takes no locks, is no reason to leave the bench as it is.
        """
        with ExitStack() as holding:
            try:
                wanted = resources(self._brief.bench, self._brief.slot)
                holding.enter_context(leased(wanted, f"the guard of run {self._brief.journal.parent.name}"))
            except Held as held:
                if held.process != self._brief.run:
                    raise
            except OSError:
                pass
            yield

    def _end_run(self) -> None:
        self._run.kill()
        ends = self._clock.now() + DIES_WITHIN
        while not self._run.gone() and self._clock.now() < ends:
            self._clock.wait(0.001)

    def _note(self, event: Event) -> None:
        """Write down an event; a disk that takes nothing keeps nobody from making the bench safe."""
        with suppress(OSError):
            self._journal(event)

    @property
    def _at_s(self) -> float:
        return round(self._clock.now() - self._brief.began, 6)


def main() -> None:
    """Read the brief and watch; raises OSError if the journal cannot be written, ProcessLookupError without a run."""
    for name in DEAF_TO:
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    brief = pickle.load(sys.stdin.buffer)
    assert isinstance(brief, Brief)
    with Journal(brief.journal) as journal:
        Watchman(brief, Starter(brief.run), journal).watch()


def _load(bench: OpenBench) -> None:
    """Load what acting would otherwise load at its first use: drivers, and the table of units (0.2 s)."""
    for role in filter(bench.has, ACTS_ON):
        getattr(bench, role)
    assert Quantity(1.0, "ms").si


def _reply(word: Reply) -> None:
    """Answer; a run that hears nothing any more is no reason to stop watching."""
    with suppress(OSError):
        os.write(1, word.value)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
