"""Whoever stands at a simulated bench: presses the key when asked to, and answers as a good pack deserves."""

from __future__ import annotations

from typing import Literal

from station.clock import Clock
from station.model.prompt import Prompt
from station.twin.world import Twin

REACTS_AFTER = 2.0
"""Seconds from a prompt to the hand on the key, or to the answer (engineering judgement)."""
Habit = Literal["heeds", "always yes", "none", "without doing"]
"""What somebody does: as asked, says yes to whatever it is, nothing at all, or answers and touches nothing."""


class TwinPerson:
    """A person who acts on the twin in the twin's own time."""

    def __init__(self, twin: Twin, clock: Clock, label: str, habit: Habit = "heeds") -> None:
        """Nobody has asked anything yet; `label` is the serial number that stands on the pack."""
        self._twin, self._clock, self._label, self._habit = twin, clock, label, habit
        self._prompt: Prompt | None = None
        self._asked = 0.0

    def ask(self, prompt: Prompt) -> None:
        """Take a prompt in; one that is repeated is begun again."""
        self._prompt, self._asked = prompt, self._clock.now()

    def said(self) -> str | None:
        """Act on the prompt as time goes by; the answer once all is done."""
        if self._prompt is None or self._habit == "none":
            return None
        since, press = self._clock.now() - self._asked - REACTS_AFTER, 0.0
        if self._prompt.press is not None and self._habit == "heeds":
            press = self._prompt.press
            self._twin.pack.press(0 <= since < press)
        if since < press:
            return None
        prompt, self._prompt = self._prompt, None
        return "yes" if self._habit == "always yes" else prompt.answer or self._label
