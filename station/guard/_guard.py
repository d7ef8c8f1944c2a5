"""The guard process as its run sees it: started before anything is touched, told what matters, missed when it dies."""

from __future__ import annotations

import pickle
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO

import station
from station.clock import WallClock
from station.guard._words import SAYS, Brief, Reply, Word
from station.model.events import Event, MadeSafe

READY_WITHIN = 10.0
"""Seconds for the guard to load what it needs (0.8 s of processor time) and to say so, however busy the computer is."""
BEAT_EVERY = 0.05
"""Seconds of wall time between two signs of life, at least."""
UNANSWERED = 12
"""Signs of life in a row that may stay without an answer: about a second of them, as a run gives them in a wait."""
LEAVES_WITHIN = 10.0
"""Seconds that a run waits for a guard which still has to make the bench safe; then it goes on alone."""


STOPS: Mapping[Reply, str] = {
    Reply.ESTOP: "the emergency stop chain is open",
    Reply.BLIND: "the emergency stop chain cannot be read any more",
}
"""Why a run stops when its guard says so."""


class GuardFailed(Exception):
    """There is no guard, so nothing may be energised."""


class Guard:
    """The guard of one run; use it as a context manager around everything that may touch the bench.

    It listens to the run's events (`guard(event)`), and hears of its progress (`beat`).
    """

    def __init__(self, brief: Brief, lost: Callable[[str], None]) -> None:
        """Start the process and wait until it is ready; raises GuardFailed.

        `lost(reason)` is called from another thread when the run must stop: the guard died, fell silent, or saw the
        emergency stop.
        """
        self._lost = lost
        self._clock = WallClock()
        self._said_at = 0.0
        self._unanswered = 0
        self._closing = False
        self._started = threading.Event()
        self._ready = False
        with tempfile.TemporaryFile() as errors:
            self._process = _start(errors)
            self._listener = threading.Thread(target=self._listen, name="guard", daemon=True)
            self._listener.start()
            self._send(pickle.dumps(brief))
            self._started.wait(READY_WITHIN)
            if not self._ready:
                self._give_up(errors)

    def __call__(self, event: Event) -> None:
        """Tell the guard what matters to it; a safe state with something unproven is none."""
        word = SAYS.get(type(event))
        if word is not None and not (isinstance(event, MadeSafe) and event.trouble):
            self._send(word.value)

    def beat(self) -> None:
        """Give a sign of life, unless the last one was a moment ago."""
        now = self._clock.now()
        if self._closing or now - self._said_at < BEAT_EVERY:
            return
        self._said_at = now
        self._unanswered += 1
        if self._unanswered > UNANSWERED:
            self._lost("the guard process does not answer")
        self._send(Word.ALIVE.value)

    def close(self) -> None:
        """Hand the bench over; a guard that cannot take it for safe makes it so before this returns."""
        self._closing = True
        self._send(Word.OVER.value)
        with suppress(OSError):
            self._pipe.close()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(LEAVES_WITHIN)

    def __enter__(self) -> Guard:
        """Use as a context manager."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self.close()

    @property
    def _pipe(self) -> IO[bytes]:
        assert self._process.stdin is not None
        return self._process.stdin

    def _send(self, content: bytes) -> None:
        """Send; where nobody is left to read it, the listener knows by now."""
        with suppress(OSError, ValueError):
            self._pipe.write(content)
            self._pipe.flush()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as replies:
            while byte := replies.read(1):
                self._heard(Reply(byte))
        self._started.set()
        if self._ready and not self._closing:
            self._lost("the guard process died")

    def _heard(self, reply: Reply) -> None:
        self._unanswered = 0
        if reply is Reply.READY:
            self._ready = True
            self._started.set()
        elif reply in STOPS:
            self._lost(STOPS[reply])

    def _give_up(self, errors: IO[bytes]) -> None:
        ended = self._started.is_set()
        self._process.kill()
        self.close()
        errors.seek(0)
        said = errors.read().decode(errors="replace").strip().rpartition("\n")[2] or "it said nothing"
        early = "ended before it was ready" if ended else f"was not ready within {READY_WITHIN:g} s"
        raise GuardFailed(f"the guard process {early}: {said}")


def _start(errors: IO[bytes]) -> subprocess.Popen[bytes]:
    """The process, in a session of its own, from the very package that this one runs; raises GuardFailed."""
    command = [sys.executable, "-m", "station.guard"]
    here = Path(station.__file__).parents[1]
    try:
        return _detached(command, here, errors)
    except OSError as error:
        raise GuardFailed(f"the guard process cannot be started: {error}") from None


if sys.platform == "win32":

    def _detached(command: list[str], here: Path, errors: IO[bytes]) -> subprocess.Popen[bytes]:
        """Without the console of the run, and out of its job where the job lets it go."""
        apart = subprocess.DETACHED_PROCESS | subprocess.CREATE_NEW_PROCESS_GROUP
        for flags in (apart | subprocess.CREATE_BREAKAWAY_FROM_JOB, apart):
            with suppress(PermissionError):
                return subprocess.Popen(
                    command, cwd=here, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors,
                    creationflags=flags,
                )  # fmt: skip
        raise GuardFailed("the guard process cannot be started: not permitted")

else:

    def _detached(command: list[str], here: Path, errors: IO[bytes]) -> subprocess.Popen[bytes]:
        """In a session of its own, which no terminal and no signal to the run's group reaches."""
        return subprocess.Popen(
            command, cwd=here, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors,
            start_new_session=True,
        )  # fmt: skip
