"""The journal: one append-only JSON Lines file for each run.

Durable events are on the disk before the run goes on; the others are handed to the operating system at once, so that
a killed process loses none of them. A line that was half written when the power went is recognised and ends the
reading.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

from pydantic import TypeAdapter, ValidationError

from station.model.events import AnyEvent, Event

_ADAPTER: TypeAdapter[AnyEvent] = TypeAdapter(AnyEvent)


class Journal:
    """Takes the events of one run, synchronously."""

    def __init__(self, path: Path) -> None:
        """Create the file; raises OSError if it is there already or cannot be written."""
        self.path = path
        self._file = path.open("xb", buffering=0)

    def __call__(self, event: Event) -> None:
        """Append an event; a durable one is flushed to the disk before this returns. Raises OSError."""
        self._file.write(event.model_dump_json(exclude_defaults=False).encode() + b"\n")
        if event.durable:
            os.fsync(self._file.fileno())

    def close(self) -> None:
        """Flush to the disk and close."""
        if not self._file.closed:
            os.fsync(self._file.fileno())
            self._file.close()

    def __enter__(self) -> Journal:
        """Use as a context manager."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self.close()


def read_journal(path: Path) -> Iterator[AnyEvent]:
    """The events of a journal up to the first line that is not whole; raises OSError."""
    for line in path.read_bytes().splitlines(keepends=True):
        if not line.endswith(b"\n"):
            return
        try:
            yield _ADAPTER.validate_json(line)
        except ValidationError:
            return
