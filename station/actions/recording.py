"""Everything that can be recorded by name: kept without being judged, and shown against a limit where one is named."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from station.actions.errors import Blocked
from station.actions.measuring import MEASURANDS, NOTHING, Measurand, ambient, found
from station.actions.receipt import forecasts
from station.actions.stage import Reading, Stage
from station.model.quantity import BadQuantity, parse_quantity

BOUND = ("bms_serial", "cell_lots")
"""What belongs to the identity of a pack besides its own serial number."""


def _text(register: str) -> Callable[[Stage], Reading]:
    return lambda stage: Reading(stage.port.bms.text(register))


def _soc(stage: Stage) -> Reading:
    return Reading(stage.readings(fresh=True).soc, "%", 0.5)


def _time_since_charge(stage: Stage) -> Reading:
    """How long ago the charger let go, as the line says; a few minutes make no difference."""
    said = stage.answers.get("time_since_charge")
    if said is None:
        return NOTHING
    try:
        return Reading(parse_quantity(said, "time").si, "s", 60.0, "line")
    except BadQuantity as error:
        raise Blocked(f"time_since_charge: {error}") from None


def _cell_lots(stage: Stage) -> Reading:
    """The lots of the cells in the pack, as scanned or as the MES has them, one behind the other."""
    said = stage.answers.get("cell_lots")
    if said is None:
        return NOTHING
    part, lots = stage.pack.parts["cell_lot"], said.split()
    wrong = next((lot for lot in lots if re.fullmatch(part.pattern, lot) is None), None)
    if wrong is not None or not part.count.contains(len(lots)):
        what = f"`{wrong}` is none, as in {part.pattern}" if wrong else f"{len(lots)} lots, expected {part.count}"
        raise Blocked(f"cell lots: {what}: scan them again")
    return Reading(" ".join(lots), witness="line")


ANSWERED = ("time_since_charge", "cell_lots")
"""What somebody else than pack and bench has to say."""

RECORDABLES: Mapping[str, Measurand] = {
    **MEASURANDS,
    "key_start_threshold": Measurand(found("key_start_threshold")),
    "time_since_charge": Measurand(_time_since_charge),
    "bms_serial": Measurand(_text("model_sn")),
    "cell_lots": Measurand(_cell_lots),
    "cycles": Measurand(lambda stage: Reading(float(stage.readings().cycles))),
    "soc": Measurand(_soc),
    "soc_before": Measurand(found("soc_before")),
    "soc_after": Measurand(_soc),
    "ambient": Measurand(ambient, frozenset({"ambient"})),
}
"""What `record` can keep on this station, one value each."""
SEVERAL: Mapping[str, Callable[[Stage], Mapping[str, Reading]]] = {"expected_voltage_at_receipt": forecasts}
"""What it keeps as several values, each with a name of its own."""


def record(stage: Stage) -> None:
    """Take and keep each value of the step without judging it."""
    for name, window in stage.step.record.items():
        taken = SEVERAL[name](stage) if name in SEVERAL else {name: RECORDABLES[name].take(stage)}
        for each, reading in taken.items():
            _keep(stage, name, each, reading)
            if window is not None:
                _show(stage, each, reading, window)


def _keep(stage: Stage, name: str, each: str, reading: Reading) -> None:
    """A row of the limits with the name of what is recorded says what that proves."""
    row = stage.pack.limits.get(name)
    stage.record(each, reading, proves=tuple(f"REQ-{key}" for key in row.proves) if row else ())
    if name in BOUND and isinstance(reading.value, str):
        stage.identified(**{name: reading.value})


def _show(stage: Stage, name: str, reading: Reading, window: str) -> None:
    row = stage.pack.limits[window]
    inside = isinstance(reading.value, float) and row.is_.contains(reading.value)
    stage.note(f"{name} {'meets' if inside else 'does not meet'} {window} ({row.is_}); shown, not judged")
