"""The journal: one append-only JSON Lines file for each run.

Durable events are on the disk before the run goes on; the others are handed to the operating system at once, so that
a killed process loses none of them. A line that was half written when the power went, or when the disk was full, is
recognised and passed over; it stays where it is, and what follows begins a line of its own.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import TracebackType

from filelock import FileLock, Timeout
from pydantic import TypeAdapter, ValidationError

from station import disk
from station.model.events import AnyEvent, Event

_ADAPTER: TypeAdapter[AnyEvent] = TypeAdapter(AnyEvent)


class StillWritten(Exception):
    """Another run writes this journal at this moment."""


@contextmanager
def held(journal: Path) -> Iterator[None]:
    """Hold a journal as the run that writes it does; raises StillWritten while another one does, or OSError.

    The operating system drops the lock when its holder dies, however it dies. The lock has a file of its own beside the
    journal, since Windows lets nobody read what is locked; an orderly end takes it away.
    """
    path = journal.with_suffix(".lock")
    lock = FileLock(path, timeout=0, thread_local=False)
    try:
        lock.acquire()
    except Timeout:
        raise StillWritten(f"{journal} is being written") from None
    try:
        yield
    finally:
        with suppress(OSError):  # Windows deletes no open file; there the lock itself does it when it is let go
            path.unlink()
        lock.release()


class Journal:
    """Takes the events of one run, synchronously, and holds its file as long as it is open."""

    def __init__(self, path: Path) -> None:
        """Create the file; raises OSError if it is there already or cannot be written."""
        self.path = path
        with ExitStack() as opening:
            opening.enter_context(held(path))
            self._file = opening.enter_context(path.open("xb", buffering=0))
            disk.flush_folder(path.parent)
            self._open = opening.pop_all()
        self._torn = False

    def __call__(self, event: Event) -> None:
        """Append an event; a durable one is flushed to the disk before this returns.

        Raises OSError; a part of the line may be in the file then, and the next one begins after a line feed.
        """
        content, self._torn = b"\n" * self._torn + _line(event), True
        disk.write_all(self._file.fileno(), content)
        self._torn = False
        if event.durable:
            os.fsync(self._file.fileno())

    def close(self) -> None:
        """Flush to the disk and close."""
        with self._open:
            if not self._file.closed:
                os.fsync(self._file.fileno())

    def __enter__(self) -> Journal:
        """Use as a context manager."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self.close()


def append(journal: Path, event: Event) -> None:
    """Append to the journal of a run that died, and flush; raises OSError.

    What the run left half written becomes a line of its own, so that it spoils nothing that follows.
    """
    with journal.open("r+b", buffering=0) as file:
        torn = not file.readall().endswith(b"\n")
        disk.write_all(file.fileno(), b"\n" * torn + _line(event))
        os.fsync(file.fileno())


def lines(content: bytes) -> Iterator[AnyEvent | None]:
    """One entry for each line of a journal: its event, or None where the line is not whole."""
    return map(_event, content.removesuffix(b"\n").split(b"\n"))


def damage(found: Sequence[object | None]) -> str:
    """Which lines of a journal, read by `lines`, are not whole, in words; empty where all are."""
    damaged = [number for number, event in enumerate(found, 1) if event is None]
    if len(damaged) < 2:
        return "".join(f"line {number} of the journal is damaged" for number in damaged)
    return f"{len(damaged)} lines of the journal are damaged, the first is line {damaged[0]}"


def read_journal(path: Path, *kinds: type[Event]) -> Iterator[AnyEvent]:
    """The events of a journal, in order, or only those of some kinds; passes over what is not whole. Raises OSError."""
    names = [str(kind.model_fields["event"].default).encode() for kind in kinds]
    for line in path.read_bytes().split(b"\n"):
        if not kinds or any(name in line for name in names):
            event = _event(line)
            if event is not None and (not kinds or isinstance(event, kinds)):
                yield event


def _line(event: Event) -> bytes:
    return event.model_dump_json().encode() + b"\n"


def _event(line: bytes) -> AnyEvent | None:
    """The event of a line, with or without its line feed: no shorter part of a JSON object is JSON."""
    try:
        return _ADAPTER.validate_json(line)
    except ValidationError:
        return None
