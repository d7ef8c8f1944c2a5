"""After a run that died: its journal is closed, and its pack is not tested until its thresholds are back.

The files of the last runs are looked at, too: a power cut can only harm what was written lately. A record or a
certificate that is not whole is drawn again from what is.

Nothing in here can keep the station from starting. What cannot be closed is said in one line and left alone.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from subprocess import list2cmdline

from station import disk
from station.guard import JOURNAL
from station.model.events import AnyEvent, Event, GuardActed, MadeSafe, Overruled, RunEnded, RunStarted
from station.model.pack import Pack
from station.model.record import Record
from station.model.verdict import Verdict
from station.records import (
    DIED,
    NotARun,
    RunFolder,
    StillWritten,
    append,
    damage,
    held,
    lines,
    project,
    read_journal,
    run_folders,
    unrestored,
)
from station.report.whole import LONGEST_END, is_whole

LONGEST_LINE = 300
"""Characters in which one line says what became of a run."""


LATELY = 50
"""Runs whose files are looked at though they have a record; whatever was written before has long been on the disk."""
NO_RECORD, BAD_RECORD = "had no record and", "had a damaged record and"
BAD_CERTIFICATE = "had a damaged certificate, which was signed again"
BAD_JOURNAL = "has a journal that has lost its end; its record still says"


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
    start. One line, too, for each of the last runs that has a damaged file. `pack_of` reads a pack file by its name,
    `certify` signs and stores a certificate; both may raise anything.
    """
    try:
        folders = list(run_folders(data))
    except OSError as error:
        yield _line(f"runs that died cannot be looked for in {data}: {error}")
        return
    for later, folder in zip(range(len(folders))[::-1], folders, strict=True):
        try:
            said = _closed(folder, pack_of, certify) if later < LATELY or not folder.record.exists() else ""
        except StillWritten:
            continue
        except Exception as error:
            said = f"cannot be closed or mended, it is left alone: {error}"
        if said:
            yield _line(f"run {folder.path.parent.name}/{folder.run} {said}")


def _closed(folder: RunFolder, pack_of: Callable[[str], Pack], certify: Callable[[Record, RunFolder], object]) -> str:
    """Close or mend one run and say so; nothing to say if all is well. Raises StillWritten for one under way."""
    if not _wrong(folder):
        return ""
    guard = folder.path / JOURNAL
    with held(folder.journal), held(guard) if guard.exists() else nullcontext():
        wrong = _wrong(folder)
        if not wrong:  # another station was faster
            return ""
        disk.sweep(folder.path)
        if wrong in (NO_RECORD, BAD_RECORD):
            return f"{wrong} {_drawn(folder, pack_of, certify)}"
        record = Record.model_validate_json(folder.record.read_bytes())
        if wrong == BAD_CERTIFICATE:
            certify(record, folder)
        return f"{wrong} {record.verdict}" if wrong == BAD_JOURNAL else wrong


def _wrong(folder: RunFolder) -> str:
    """What is to be done about a run, or said of it; empty where it is over and its files are whole."""
    if not folder.record.exists():
        return NO_RECORD
    if disk.tail(folder.record, 2) != b"}\n":
        return BAD_RECORD
    certificate = folder.certificate
    if certificate.exists() and not is_whole(certificate.stat().st_size, disk.tail(certificate, LONGEST_END)):
        return BAD_CERTIFICATE
    ended = any(isinstance(event, RunEnded) for event in lines(disk.tail(folder.journal, LONGEST_END)))
    return "" if ended else BAD_JOURNAL


def _drawn(folder: RunFolder, pack_of: Callable[[str], Pack], certify: Callable[[Record, RunFolder], object]) -> str:
    """Draw certificate and record from the journal, and say what they came to; they have yet to be sent to a store."""
    _merge(folder.path / JOURNAL, folder.journal)
    record = _ended(folder.journal, pack_of)
    if not record.partial:
        certify(record, folder)
    folder.sent.unlink(missing_ok=True)
    disk.replace(folder.record, record.canonical())
    lost = damage(list(lines(folder.journal.read_bytes())))
    left = f"thresholds {record.thresholds}" if record.thresholds.startswith("NOT") else ""
    return "; ".join(
        filter(None, (f"was closed as {record.verdict}: {record.reason or 'nothing else was missing'}", left, lost))
    )


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
    found = list(lines(journal.read_bytes()))
    events = [event for event in found if event is not None]
    start = next((event for event in events if isinstance(event, RunStarted)), None)
    if start is None:
        raise NotARun("no line of the journal says what was run")
    pack = pack_of(start.product)
    last = _last_word(journal, events, damage(found))
    if last is None:
        return project(found, pack)
    record = project([*found, last], pack)
    append(journal, last)
    return record


def _last_word(journal: Path, events: Sequence[AnyEvent], lost: str) -> Event | None:
    """What the journal of a run still needs: its end, or that its verdict rests on a line that was lost."""
    end = next((event for event in reversed(events) if isinstance(event, RunEnded)), None)
    if end is None:
        return _end(journal, events)
    if not lost or end.verdict is Verdict.ABORTED or any(isinstance(event, Overruled) for event in events):
        return None
    return Overruled(at_s=events[-1].at_s, reason=f"{lost}, and the verdict {end.verdict} may rest on it")


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
