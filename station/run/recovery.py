"""After a run that died: its journal is closed, and its pack is not tested until its thresholds are back.

Nothing in here can keep the station from starting. What cannot be closed is said in one line and left alone.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from subprocess import list2cmdline

from station.guard import JOURNAL
from station.model.events import AnyEvent, GuardActed, MadeSafe, RunEnded, RunStarted
from station.model.pack import Pack
from station.model.record import Record
from station.model.verdict import Verdict
from station.records import (
    DIED,
    NotARun,
    RunFolder,
    StillWritten,
    append,
    held,
    lines,
    project,
    read_journal,
    run_folders,
    unrestored,
    write_atomically,
)

LONGEST_LINE = 300
"""Characters in which one line says what became of a run."""


class Damaged(Exception):
    """A journal that lacks something which its verdict rests on."""


def why_blocked(data: Path, serial_number: str, bench: str, *, simulated: bool) -> str:
    """Why a pack may not be tested because of its earlier runs, and what to type; empty where nothing is in the way."""
    try:
        owed = unrestored(data, serial_number, simulated=simulated)
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
            said = _closed(folder, pack_of, certify)
        except StillWritten:
            continue
        except Exception as error:
            said = f"has no record and cannot be closed, it is left alone: {error}"
        if said:
            yield _line(f"run {folder.path.parent.name}/{folder.run} {said}")


def _closed(folder: RunFolder, pack_of: Callable[[str], Pack], certify: Callable[[Record, RunFolder], object]) -> str:
    """Close one run and say so; nothing to say if it is over. Raises StillWritten for one under way."""
    if folder.record.exists():
        return ""
    guard = folder.path / JOURNAL
    with held(folder.journal), held(guard) if guard.exists() else nullcontext():
        if folder.record.exists():  # another station was faster
            return ""
        _merge(guard, folder.journal)
        record = _ended(folder.journal, pack_of)
        if not record.partial:
            certify(record, folder)
        write_atomically(folder.record, record.canonical())
    left = f"; thresholds {record.thresholds}" if record.thresholds.startswith("NOT") else ""
    return f"had no record and was closed as {record.verdict}: {record.reason or 'nothing else was missing'}{left}"


def _merge(guard: Path, journal: Path) -> None:
    """Add what the guard did to the journal of its run, once, however often this is interrupted; raises OSError."""
    if not guard.exists():
        return
    known = list(read_journal(journal, GuardActed, MadeSafe))
    for event in read_journal(guard, GuardActed, MadeSafe):
        if event not in known:
            append(journal, event)


def _ended(journal: Path, pack_of: Callable[[str], Pack]) -> Record:
    """The record of a run that has ended, or that ends here; then its journal says so from now on."""
    found = tuple(lines(journal.read_bytes()))
    events = [event for event in found if event is not None]
    start = next((event for event in events if isinstance(event, RunStarted)), None)
    if start is None:
        raise NotARun("no line of the journal says what was run")
    pack = pack_of(start.product)
    end = next((event for event in events if isinstance(event, RunEnded)), None)
    if end is None:
        end = _end(journal, events)
        record = project([*events, end], pack)
        append(journal, end)
        return record
    if end.verdict is not Verdict.ABORTED and None in found:
        raise Damaged(f"its verdict is {end.verdict}, and line {found.index(None) + 1} of the journal is damaged")
    return project(events, pack)


def _end(journal: Path, events: Sequence[AnyEvent]) -> RunEnded:
    """The end of a run that died: when its guard acted, or else its journal was last written."""
    acted = next((event for event in events if isinstance(event, GuardActed)), None)
    last = max(event.at_s for event in events)
    when = acted.when if acted else datetime.fromtimestamp(journal.stat().st_mtime, UTC).isoformat(timespec="seconds")
    reason = f"{DIED}: {acted.why}, and its guard took the bench over" if acted else DIED
    return RunEnded(at_s=last, ended_at=when, verdict=Verdict.ABORTED, reason=reason, bench_time_s=last)


def _line(text: str) -> str:
    """One line that any terminal can show, whatever a folder is called."""
    return textwrap.shorten(text.encode(errors="backslashreplace").decode(), LONGEST_LINE, placeholder=" ...")
