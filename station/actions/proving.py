"""Which requirements a step proves when it passes, and which it only puts on record, as its words and rows say."""

from __future__ import annotations

from collections.abc import Iterator

from station.actions.contacts import contacts_prove
from station.model.pack import Pack
from station.model.sequence import Step

_SHOWN = {"direct_drive": slice(0, 2), "shift": slice(1, None), "extrapolation": slice(1, 2)}
"""What each way to trip shows of alarm, trip, release and release condition: a shift moves the alarm with the trip."""


def proves(step: Step, pack: Pack) -> Iterator[str]:
    """What a step proves, such as `REQ-6.6-01`; one may come twice."""
    yield from step.verifies
    for name in step.trip:
        for way in step.by:
            yield from pack.protection[name].proves[_SHOWN[way]]
    for group in step.alarm:
        for name in pack.alarm_groups[group]:
            yield from pack.protection[name].proves[:1]
    for written in step.expect:
        yield from contacts_prove(pack, written.contacts, step.alarm) if written.contacts is not None else ()
    for row in (*(step.limit_of(name) for name in step.measure), *step.require):
        yield from _of_row(row, pack)


def records(step: Step, pack: Pack) -> Iterator[str]:
    """What a step puts on record without judging it."""
    for name in step.record:
        yield from _of_row(name, pack)


def _of_row(name: str, pack: Pack) -> Iterator[str]:
    row = pack.limits.get(name)
    return (f"REQ-{key}" for key in row.proves) if row is not None else iter(())
