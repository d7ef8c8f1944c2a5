"""The person at the keyboard: prompts are shown by the display of the run, answers are lines of standard input."""

from __future__ import annotations

import os
import queue
import sys
import threading

from station.actions.prompts import LOOK_EVERY
from station.clock import Clock
from station.model.prompt import Prompt

CHUNK = 4096
"""Bytes that are read at once; a terminal hands over one line."""


class Typist:
    """Reads lines in a thread of its own, from the first prompt on, so that a run never waits for a keyboard.

    It reads the descriptor itself: a thread that waits inside `sys.stdin` keeps a lock without which Python cannot end.
    """

    def __init__(self, clock: Clock) -> None:
        """Nothing is read before somebody is asked; virtual time passes no faster than for whoever types."""
        self._each_look = LOOK_EVERY if clock.kind == "virtual" else 0.0
        self._lines: queue.Queue[str] = queue.Queue()
        self._thread = threading.Thread(target=self._read, name="keyboard", daemon=True)

    def ask(self, prompt: Prompt) -> None:
        """What was typed before is no answer; the display of the run shows the prompt."""
        del prompt
        while not self._lines.empty():
            self._lines.get_nowait()
        if self._thread.ident is None:
            self._thread.start()

    def said(self) -> str | None:
        """The next line that was typed, if there is one."""
        try:
            return self._lines.get(self._each_look > 0, self._each_look)
        except queue.Empty:
            return None

    def _read(self) -> None:
        """Put every line into the queue until standard input ends; there may be none at all."""
        rest = b""
        try:
            while read := os.read(sys.stdin.fileno(), CHUNK):
                *whole, rest = (rest + read).split(b"\n")
                for line in whole:
                    self._lines.put(line.decode(errors="replace").strip())
        except (OSError, ValueError, AttributeError):
            return
