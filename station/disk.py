"""Files that survive a power cut: each is there as a whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

DRAFT = ".part"
"""How the name of a file ends that is not yet whole, and that nobody misses."""
_BINARY = getattr(os, "O_BINARY", 0)


def write_all(handle: int, content: bytes) -> None:
    """Write every byte; the operating system may take only a part, such as when the disk is nearly full.

    Raises OSError, and then some of the bytes may have been written.
    """
    view = memoryview(content)
    while view:
        view = view[os.write(handle, view) :]


def create(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Create `path` with `mode` from its first moment, flushed to the disk; raises FileExistsError or OSError."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _BINARY, mode)
    with os.fdopen(handle, "wb"):
        write_all(handle, content)
        os.fsync(handle)


def replace(path: Path, content: bytes, mode: int = 0o644) -> None:
    """Put `content` at `path` in one step: a reader, or a power cut, finds the old file or the new one, never a part.

    Raises OSError, and then the old file, if there was one, is still there.
    """
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=DRAFT, dir=path.parent)
    try:
        with os.fdopen(handle, "wb"):
            write_all(handle, content)
            os.fsync(handle)
        os.chmod(name, mode)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    flush_folder(path.parent)


def sweep(folder: Path) -> None:
    """Take away the drafts that a power cut left in a folder nobody else writes in now; raises OSError."""
    for draft in folder.glob(f".*{DRAFT}"):
        draft.unlink(missing_ok=True)


def tail(path: Path, longest: int) -> bytes:
    """The last bytes of a file, at most so many; nothing of a file that is not there. Raises OSError."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - longest))
            return file.read()
    except FileNotFoundError:
        return b""


def flush_folder(folder: Path) -> None:
    """Make the names in a folder survive a power cut; raises OSError. Windows does so by itself."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
