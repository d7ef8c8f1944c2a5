"""The folder of a run: `DIR/runs/SERIAL-NUMBER/RUN-ID/{journal.jsonl, record.json, certificate.pdf}`.

Where there is a central store, `sent.json` beside them says that it has a copy of this record.
"""

from __future__ import annotations

import errno
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from station import disk

LEAST_FREE = 20_000_000
"""Bytes that must be free before a run begins; a run writes about 0.5 MB, so this is room for several at once."""
_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_STAMP = "%Y%m%dT%H%M%S%f"
_MILLISECOND = timedelta(milliseconds=1)


class BadSerialNumber(ValueError):
    """A text that cannot be a serial number, whatever the product."""


class NotWritable(OSError):
    """A data folder in which a run could not be stored."""


@dataclass(frozen=True, slots=True)
class RunFolder:
    """Where one run keeps its files."""

    path: Path

    @property
    def run(self) -> str:
        """Identity of the run."""
        return self.path.name

    @property
    def journal(self) -> Path:
        """The journal."""
        return self.path / "journal.jsonl"

    @property
    def record(self) -> Path:
        """The record."""
        return self.path / "record.json"

    @property
    def certificate(self) -> Path:
        """The certificate."""
        return self.path / "certificate.pdf"

    @property
    def sent(self) -> Path:
        """What is there once the central store has a copy of the record."""
        return self.path / "sent.json"


def plain_serial_number(text: str) -> str:
    """The serial number, if it can safely be the name of a folder; raises BadSerialNumber."""
    if not _SAFE.fullmatch(text) or ".." in text:
        raise BadSerialNumber(f"`{text}` cannot be a serial number: letters, digits, `-`, `_` and `.`, at most 64")
    return text


def new_run_id(now: datetime | None = None, after: str = "") -> str:
    """An identity that is unique everywhere and sorts by time: UTC to the millisecond and 32 random bits.

    It sorts after the run `after` even where the clock has been set back since.
    """
    moment = (now or datetime.now(UTC)).astimezone(UTC)
    with suppress(ValueError):  # a folder that somebody made by hand has no time in its name
        moment = max(moment, datetime.strptime(after.partition("Z")[0], _STAMP).replace(tzinfo=UTC) + _MILLISECOND)
    return f"{moment:%Y%m%dT%H%M%S}{moment.microsecond // 1000:03d}Z-{secrets.token_hex(4)}"


def new_run(data: Path, serial_number: str) -> RunFolder:
    """Create the folder of a new run, seen to take files; raises NotWritable or BadSerialNumber."""
    runs = data / "runs" / plain_serial_number(serial_number)
    try:
        path = runs / new_run_id(after=max(earlier_runs(data, serial_number), default=""))
        path.mkdir(parents=True)
        disk.create(probe := path / f".probe{disk.DRAFT}", b"\n")
        probe.unlink()
        for folder in path.parents[:3]:
            disk.flush_folder(folder)
        free = shutil.disk_usage(path).free
        if free < LEAST_FREE:
            raise OSError(errno.ENOSPC, f"only {free / 1e6:.1f} MB are free, and a run needs {LEAST_FREE / 1e6:g} MB")
    except OSError as error:
        raise NotWritable(error.errno, f"data folder {data} cannot be written: {error.strerror}") from None
    return RunFolder(path)


def earlier_runs(data: Path, serial_number: str) -> tuple[str, ...]:
    """The identities of all runs of a pack in this data folder, oldest first."""
    folder = data / "runs" / plain_serial_number(serial_number)
    return tuple(sorted(path.name for path in folder.iterdir() if path.is_dir())) if folder.is_dir() else ()


def run_folders(data: Path, serial_number: str = "*") -> Iterator[RunFolder]:
    """Every folder with a journal, of one pack or of all, oldest run first."""
    journals = (data / "runs").glob(f"{serial_number}/*/journal.jsonl")
    return map(RunFolder, sorted((path.parent for path in journals), key=lambda path: path.name))


def waiting_runs(data: Path) -> tuple[RunFolder, ...]:
    """Every run that is over and has not been sent to a central store, oldest first."""
    return tuple(each for each in run_folders(data) if each.record.exists() and not each.sent.exists())
