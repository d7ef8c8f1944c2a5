"""Where a verdict turns: one parameter of the twin moved across one limit, in runs that end where it is judged."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from station.model.events import Event, Measured, StepEnded
from station.model.fault import FaultFile, Value
from station.model.verdict import Verdict
from station.studies.rig import Rig, Station
from station.studies.simulation import Simulated
from station.twin.states import State

EXACT: Mapping[str, Value] = {
    "bms.adc.cell_gain": "1",
    "bms.adc.cell_offset": "0",
    "bms.adc.pack_voltage_gain": "1",
    "bms.adc.current_gain": "1",
    "bms.adc.current_offset": "0",
    "bms.adc.temperature_offset": "0",
    "cells.r0": "0.3 mOhm",
}
"""A pack that is exactly right, so that nothing but the parameter in question moves a value."""


class NeverJudged(LookupError):
    """A run that ended before it came to what was asked for; the message says how it ended."""


def verdict_of(what: str, change: Mapping[str, Value], station: Station, state: State, serial_number: str) -> Verdict:
    """The verdict of a step or measurement for a pack that is exact but for the `change`; the run is stopped there.

    Raises NeverJudged.
    """
    pack = FaultFile.model_validate(
        {"fault": "edge", "title": "Moved across a limit", "class": "pack", "change": {**EXACT, **change}}
    )
    with (
        tempfile.TemporaryDirectory(prefix="study-") as data,
        station.rig(Simulated(state, (pack,), seed=1), serial_number) as rig,
    ):
        found = _stopped_at(what, rig)
        ran = rig.run(Path(data))
    if not found:
        raise NeverJudged(f"{what} was never judged: {ran.record.verdict}, {ran.record.reason}")
    return found[-1]


def _stopped_at(what: str, rig: Rig) -> list[Verdict]:
    """Gets the verdict as soon as it stands."""
    found: list[Verdict] = []

    def listen(event: Event) -> None:
        if isinstance(event, Measured) and event.measurement.id == what and event.measurement.verdict is not None:
            found.append(event.measurement.verdict)
        elif isinstance(event, StepEnded) and event.step.id == what:
            found.append(event.step.verdict)
        if found:
            rig.scopes.stop("judged")

    rig.listeners.append(listen)
    return found


def turning_point(passes: Callable[[float], bool], inside: float, outside: float, within: float) -> float:
    """Where between a value that passes and one that does not the verdict turns, to `within`, by halving.

    Raises ValueError where the verdict does not turn between them.
    """
    if not passes(inside) or passes(outside):
        raise ValueError(f"the verdict does not turn between {inside:g} and {outside:g}")
    while abs(outside - inside) > within:
        middle = (inside + outside) / 2
        inside, outside = (middle, outside) if passes(middle) else (inside, middle)
    return (inside + outside) / 2
