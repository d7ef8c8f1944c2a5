"""What earlier runs say of a pack: whether it is free to be tested, and what is still known to be good.

Testing itself takes a pack out of its factory window, and away from the charge at which resistances compare. What was
found good stays good for a stated time (`valid_for`) for a retest after ERROR or ABORTED, and is shown as carried over
(REQ-6.6-01); nothing else is ever carried over.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import takewhile
from pathlib import Path

from station.actions.stage import Carried, Reading
from station.model.pack import Pack
from station.model.record import Record
from station.model.verdict import Verdict
from station.records import run_folders

PRODUCTION = "production"
"""The purpose under which a pack is tested once, and again only for a stated reason."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody wants to do to a pack, and why."""

    sequence: str
    purpose: str
    reason: str


def earlier_records(data: Path, serial_number: str, *, simulated: bool) -> Iterator[Record]:
    """The records of a pack on real or on simulated benches, newest first; what cannot be read is passed over."""
    for folder in reversed(list(run_folders(data, serial_number))):
        try:
            record = Record.model_validate_json(folder.record.read_bytes())
        except (OSError, ValueError):
            continue
        if (record.simulation is not None) == simulated and not record.partial:
            yield record


def why_not_free(records: Sequence[Record], pack: Pack, wanted: Wanted) -> str:
    """Why a pack may not be tested in production once more, and what to do; empty when it may.

    Passed is passed, and a pack file may say after how many attempts a pack goes to rework.
    """
    if wanted.purpose != PRODUCTION or wanted.reason:
        return ""
    tested = [record for record in records if record.sequence == wanted.sequence]
    again = "; to test it again, say why: --purpose retest --reason TEXT"
    passed = next((record for record in tested if record.verdict is Verdict.PASS), None)
    if passed is not None:
        return f"{passed.serial_number} passed already, in run {passed.run}{again}"
    at_most = pack.attempts.get(wanted.sequence)
    judged = [record for record in tested if record.verdict is Verdict.FAIL]
    if isinstance(at_most, int) and len(judged) >= at_most:
        failed = f"{judged[0].serial_number} failed {len(judged)} times, last in run {judged[0].run}"
        return f"{failed}: it goes to rework{again}"
    return ""


def carried_over(records: Sequence[Record], now: datetime | None = None) -> Mapping[str, Carried]:
    """What the runs right before this one found good, by measurement; the last of each counts.

    Only runs that ended in ERROR or ABORTED are looked at, back to the first that did not.
    """
    moment = now or datetime.now(UTC)
    carried: dict[str, Carried] = {}
    for record in takewhile(_undecided, (each for each in records if each.verdict is not Verdict.BLOCKED)):
        age = (moment - datetime.fromisoformat(record.started_at)).total_seconds()
        for each in record.measurements:
            if each.verdict is Verdict.PASS and not each.carried_over:
                reading = Reading(each.value, each.unit, each.uncertainty, each.witness)
                carried.setdefault(each.id, Carried(reading, record.run, age))
    return carried


def _undecided(record: Record) -> bool:
    return record.verdict in (Verdict.ERROR, Verdict.ABORTED)
