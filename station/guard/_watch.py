"""When a guard must act: a rule of words and moments, with neither clock nor bench in it."""

from __future__ import annotations

from dataclasses import dataclass

from station.guard._words import Word

FROZEN = 1.0
"""Seconds without a sign of life after which an armed run counts as frozen (safe state within 2 s of any stop)."""
OBEY_WITHIN = 1.0
"""Seconds that a run has to prove the safe state once it was told that the emergency stop chain is open."""


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a guard acts, in plain words, and whether the run is to be ended first."""

    why: str
    kill: bool = True


@dataclass(slots=True)
class Watch:
    """What a guard knows of its run. Moments are seconds of a monotonic clock."""

    held: bool = False
    """Whether the bench is the run's, and not known to be safe."""
    armed: bool = False
    """Whether current may flow."""
    over: bool = False
    """Whether there is no run any more."""
    heard: float = 0.0
    """When it last gave a sign of life."""
    told: float | None = None
    """When it was told to stop because of the emergency stop chain."""

    def hear(self, word: Word, now: float) -> Cause | None:
        """Take a word of the run; a cause to act if it leaves a bench that is not safe."""
        self.heard = now
        if word is Word.SAFE:
            self.held, self.armed, self.told = False, False, None
        elif word is Word.ARMED:
            self.held = self.armed = True
        elif word is Word.HOLDS:
            self.held = True
        self.over = word in (Word.OVER, Word.GONE)
        if not (self.over and self.held):
            return None
        if word is Word.OVER:
            return Cause("the run ended without a proven safe state", kill=False)
        return Cause("the process of the run died")

    def silence(self, now: float) -> Cause | None:
        """A cause to act if the run has nothing to say just now."""
        if self.armed and now - self.heard > FROZEN:
            return Cause(f"the process of the run gave no sign of life for {FROZEN:g} s")
        if self.armed and self.told is not None and now - self.told > OBEY_WITHIN:
            return Cause("the emergency stop chain is open or cannot be read, and the run went on")
        return None
