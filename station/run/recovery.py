"""After a run that died: its journal is closed, and its pack is not tested until its thresholds are back.

Nothing in here can keep the station from starting. What cannot be closed is said in one line and left alone.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from subprocess import list2cmdline

from station.model.events import AnyEvent, RunEnded, RunStarted
from station.model.pack import Pack
from station.model.record import Record
from station.model.verdict import Verdict
from station.records import (
    NotARun,
    RunFolder,
    StillWritten,
    append,
    held,
    lines,
    project,
    run_folders,
    unrestored,
    write_atomically,
)
from station.report.write import NoCertificateError

DIED = "the station stopped in the middle of the run"
LONGEST_LINE = 300
"""Characters in which one line says what became of a run."""


class Damaged(Exception):
    """A journal that lacks something which its verdict rests on."""


def why_blocked(data: Path, serial_number: str, bench: str) -> str:
    """Why a pack may not be tested because of its earlier runs, and what to type; empty where nothing is in the way."""
    try:
        owed = unrestored(data, serial_number)
        running = owed is not None and owed.running
    except (OSError, ValueError) as error:
        return f"nobody can tell whether this pack has its thresholds; a journal of it cannot be read: {error}"
    if owed is None:
        return ""
    if running:
        return f"run {owed.folder.run} is testing this pack: wait for it, or stop it"
    command = ["station", "restore", "--serial", serial_number, "--bench", bench, "--data", str(data)]
    return (
        f"run {owed.folder.run} left shifted thresholds in this pack: put it on the bench, type "
        f"`{list2cmdline(command)}`, then test it again"
    )


def close_dead_runs(
    data: Path, pack_of: Callable[[str], Pack], certify: Callable[[Record, RunFolder], object]
) -> Iterator[str]:
    """Close every run below `data` whose process died; one line for each that was, or could not be, closed.

    A run is over once it has a record, so that is written last: whatever is interrupted here is taken up at the next
    start. `pack_of` reads a pack file by its name, `certify` signs and stores a certificate; both may raise anything.
    """
    try:
        folders = list(run_folders(data))
    except OSError as error:
        yield _line(f"runs that died cannot be looked for in {data}: {error}")
        return
    for folder in folders:
        try:
            with suppress(StillWritten):
                if not folder.record.exists():
                    with held(folder.journal):
                        yield from _closed(folder, pack_of, certify)
        except Exception as error:
            yield _line(f"{_name(folder)} has no record and cannot be closed, it is left alone: {error}")


def _closed(
    folder: RunFolder, pack_of: Callable[[str], Pack], certify: Callable[[Record, RunFolder], object]
) -> Iterator[str]:
    """Close one run, held against others; what is there is read again, since another station may have been faster."""
    if folder.record.exists():
        return
    found = tuple(lines(folder.journal.read_bytes()))
    events = [event for event in found if event is not None]
    start = next((event for event in events if isinstance(event, RunStarted)), None)
    if start is None:
        raise NotARun("no line of the journal says what was run")
    ended = next((event for event in events if isinstance(event, RunEnded)), None)
    if ended is not None and ended.verdict is not Verdict.ABORTED and len(events) < len(found):
        raise Damaged(f"its verdict is {ended.verdict}, and line {found.index(None) + 1} of the journal is damaged")
    end = ended or _end(folder.journal, events[-1])
    record = project(events if ended else [*events, end], pack_of(start.product))
    if ended is None:
        append(folder.journal, end)
    with suppress(NoCertificateError):
        certify(record, folder)
    write_atomically(folder.record, record.canonical())
    thresholds = "" if "NOT" not in record.thresholds else f"; thresholds {record.thresholds}"
    yield _line(f"{_name(folder)} was closed as {record.verdict}: {record.reason or 'its record was missing'}{thresholds}")


def _end(journal: Path, last: AnyEvent) -> RunEnded:
    """The end of a run that died: it took as long as it spoke, and ended when its journal was last written."""
    when = datetime.fromtimestamp(journal.stat().st_mtime, UTC).isoformat(timespec="seconds")
    return RunEnded(at_s=last.at_s, ended_at=when, verdict=Verdict.ABORTED, reason=DIED, bench_time_s=last.at_s)


def _name(folder: RunFolder) -> str:
    return f"run {folder.path.parent.name}/{folder.run}"


def _line(text: str) -> str:
    """One line that any terminal can show, whatever a folder is called."""
    return textwrap.shorten(text.encode(errors="backslashreplace").decode(), LONGEST_LINE, placeholder=" ...")
