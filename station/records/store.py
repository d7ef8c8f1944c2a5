"""The folder of a run: `DIR/runs/SERIAL-NUMBER/RUN-ID/{journal.jsonl, record.json, certificate.pdf}`."""

from __future__ import annotations

import os
import re
import secrets
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


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


def plain_serial_number(text: str) -> str:
    """The serial number, if it can safely be the name of a folder; raises BadSerialNumber."""
    if not _SAFE.fullmatch(text) or ".." in text:
        raise BadSerialNumber(f"`{text}` cannot be a serial number: letters, digits, `-`, `_` and `.`, at most 64")
    return text


def new_run_id(now: datetime | None = None) -> str:
    """An identity that sorts by time and is unique everywhere: UTC to the millisecond and 32 random bits."""
    moment = (now or datetime.now(UTC)).astimezone(UTC)
    return f"{moment:%Y%m%dT%H%M%S}{moment.microsecond // 1000:03d}Z-{secrets.token_hex(4)}"


def new_run(data: Path, serial_number: str) -> RunFolder:
    """Create the folder of a new run; raises NotWritable or BadSerialNumber."""
    path = data / "runs" / plain_serial_number(serial_number) / new_run_id()
    try:
        path.mkdir(parents=True)
        handle, name = tempfile.mkstemp(dir=path)
        os.close(handle)
        os.unlink(name)
        for folder in path.parents[:3]:
            flush_folder(folder)
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


def flush_folder(folder: Path) -> None:
    """Make the names in a folder survive a power cut; raises OSError. Windows does so by itself."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that it is there whole or not at all, also after a power cut; raises OSError."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
        flush_folder(path.parent)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
