"""Leases: a run holds what it uses, resource by resource, so that two runs never reach for one instrument or line.
Its guard holds the same before it acts.

A lease is a lock that the operating system drops when its holder dies, and a line beside it that names the holder.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout

from station.model.bench import Bench, InstrumentEntry, PortEntry

_PROCESS = re.compile(r", process (\d+) on ")


class Held(Exception):
    """Somebody else uses a resource of this bench; the message names it and the holder."""

    def __init__(self, role: str, address: str, by: str) -> None:
        """Keep the holder's process; None where the holder does not say."""
        said = _PROCESS.search(by)
        self.process = int(said[1]) if said else None
        super().__init__(f"the {role} at {address} is in use by {by}: wait for it, or stop it")


def resources(bench: Bench, slot: int) -> Iterator[tuple[str, str]]:
    """What a run in `slot` uses, as (role, address)."""
    for role, entry in bench.roles(slot).items():
        if isinstance(entry, InstrumentEntry | PortEntry):
            yield role, entry.at


@contextmanager
def leased(wanted: Iterable[tuple[str, str]], holder: str, folder: Path | None = None) -> Iterator[None]:
    """Hold every resource while the block runs; raises Held at the first that is taken, and then holds none."""
    folder = folder or Path(tempfile.gettempdir()) / f"pack-test-station-leases-{_user()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    with ExitStack() as held:
        for address, role in sorted({address: role for role, address in wanted}.items()):
            held.enter_context(
                _lease(folder / hashlib.sha256(address.encode()).hexdigest()[:24], role, address, holder)
            )
        yield


@contextmanager
def _lease(path: Path, role: str, address: str, holder: str) -> Iterator[None]:
    said = path.with_suffix(".holder")
    lock = FileLock(path.with_suffix(".lock"), timeout=0)
    try:
        lock.acquire()
    except Timeout:
        by = said.read_text(encoding="utf-8").strip() if said.is_file() else "another run"
        raise Held(role, address, by) from None
    try:
        since = datetime.now().astimezone().isoformat(" ", timespec="seconds")
        said.write_text(f"{holder}, process {os.getpid()} on {platform.node()}, since {since}", encoding="utf-8")
        yield
    finally:
        said.unlink(missing_ok=True)
        lock.release()


def _user() -> str:
    return os.environ.get("USER") or os.environ.get("USERNAME") or "station"
