"""The process that makes the bench safe when the run cannot: it shares a pipe with the run, and nothing else."""

from station.guard._guard import Guard, GuardFailed
from station.guard._starter import Starter
from station.guard._words import JOURNAL, Brief

__all__ = ["JOURNAL", "Brief", "Guard", "GuardFailed", "Starter"]
