"""Which currents a step lets flow, as far as the pack file tells: enough to refuse it while planning."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from station.model.direction import Direction
from station.model.pack import Pack
from station.model.quantity import Quantity
from station.model.sequence import Step


@dataclass(frozen=True, slots=True)
class Asked:
    """A current that flows in a step, and the words of the step that ask for it."""

    direction: Direction
    words: str
    current: Quantity


def asked(step: Step, pack: Pack) -> Iterator[Asked]:
    """Every current of a step; the small ones with which an expectation probes are left to the check at run time."""
    for direction, words, name in _named(step):
        if name in pack.currents:
            yield Asked(direction, words, pack.currents[name])
    if "direct_drive" in step.by:
        yield from _driven(step, pack)


def _named(step: Step) -> Iterator[tuple[Direction, str, str]]:
    """The currents of the pack file that the words of a step stand for, as (direction, words, name)."""
    under = step.under
    for charge in filter(None, {step.charge, under.charge if under else None}):
        yield "charge", f"charge: {charge}", charge
    for discharge in filter(None, {step.discharge, under.discharge if under else None}):
        yield "discharge", f"discharge: {discharge}", discharge
    if step.resistance:
        yield "discharge", f"resistance: {step.resistance}", "dcir_high"
    if step.limiter:
        yield "charge", f"limiter: [{', '.join(step.limiter)}]", "limiter_offer"
    if step.balance:
        start = step.balance == "start"
        yield "charge" if start else "discharge", f"balance: {step.balance}", "standard" if start else "probe"


def _driven(step: Step, pack: Pack) -> Iterator[Asked]:
    """What trips a protection by its own current: up to the end of its tolerance."""
    for protection in (pack.protection[name] for name in step.trip):
        if protection.blocks == "discharge" and protection.tolerance is not None:
            top = Quantity(protection.values["trip"].si + protection.tolerance.si, "A")
            yield Asked("discharge", f"trip: {protection.name}", top)
