"""Runs that died at a certain line of their journal, and the next start of the station, which closes them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from bench_runs import SERIAL

from station.model.events import Event
from station.model.library import Library
from station.model.pack import Pack
from station.records import RunFolder
from station.run.plan import Files
from station.run.recovery import close_dead_runs

CERTIFICATE = b"/ByteRange [0 1 2 38]\n<signature>\n%%EOF\n"
"""As short as a file can be that has the length it says it has."""
pack_of = Files(Library.default()).pack


def lines_before(journal: bytes, kind: type[Event]) -> bytes:
    """The journal up to the last event of a kind, which is left out."""
    name = str(kind.model_fields["event"].default).encode()
    kept = journal.splitlines(keepends=True)
    while name not in kept.pop():
        pass
    return b"".join(kept)


def died(data: Path, journal: bytes, serial_number: str = SERIAL) -> RunFolder:
    """The folder of a run that died when it had written so much, later than those before it."""
    number = sum(1 for _ in data.glob("runs/*/*"))
    folder = RunFolder(data / "runs" / serial_number / f"20260101T000000000Z-{number:08x}")
    folder.path.mkdir(parents=True)
    folder.journal.write_bytes(journal)
    return folder


def close(data: Path, pack_of: Callable[[str], Pack] = pack_of) -> list[str]:
    """What the station says of dead runs when it starts."""
    return list(close_dead_runs(data, pack_of, lambda record, folder: folder.certificate.write_bytes(CERTIFICATE)))
