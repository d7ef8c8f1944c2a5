"""What a run and its guard say to each other: a brief at the start, then one byte at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from station.model.bench import Bench
from station.model.events import Event, InstrumentFound, MadeSafe, OutputChanging
from station.model.protocol import Protocol

JOURNAL = "guard.jsonl"
"""The guard's own journal, beside that of the run: two writers would spoil one file after a torn line."""


@dataclass(frozen=True, slots=True)
class Brief:
    """What a guard must know; it travels pickled, by the pipe, from the run to the process that the run has started."""

    bench: Bench
    """As served: with the addresses at which the instruments answer."""
    slot: int
    protocol: Protocol
    cells: int
    run: int
    """Process that carries out the run."""
    journal: Path
    began: float
    """Wall clock reading at the start of the run."""
    watch_estop: bool
    """Whether to ask for the emergency stop chain; in stepped time that would change what the run measures."""


class Word(Enum):
    """What the run says. Any of them is a sign of life."""

    ALIVE = b"."
    HOLDS = b"h"
    """The bench is the run's from now on: if it dies, the bench must be made safe."""
    ARMED = b"a"
    """Current may flow from now on: if the run freezes, it must be ended, too."""
    SAFE = b"s"
    """The safe state was read back; the guard stands down until it is armed again."""
    OVER = b"o"
    """The run has closed its connections and leaves the bench as it is."""
    GONE = b""
    """The pipe has ended: the run has died without a word."""


class Reply(Enum):
    """What the guard says."""

    READY = b"r"
    ALIVE = b"."
    """The answer to each sign of life."""
    ESTOP = b"e"
    """The emergency stop chain is open: stop, or the guard ends the run."""
    BLIND = b"b"
    """The emergency stop chain cannot be read any more, which comes to the same."""


SAYS: Mapping[type[Event], Word] = {InstrumentFound: Word.HOLDS, OutputChanging: Word.ARMED, MadeSafe: Word.SAFE}
"""The events of a run that its guard must know of."""
