"""A run of a good pack ends before its time, at any moment, by hand or by the bench: no FAIL, and its retest must PASS.

`retests.py [--runs N] [--draw TEXT] [--only NUMBER] [--jobs N]`: the same pack on the same bench, which is mended in
between. Thresholds that the first run had to leave shifted are restored first, as the station asks for.
"""

from __future__ import annotations

import random
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from drawn import LONGEST, SEQUENCE, SERIAL, Drawn, Ended, program  # found by the line above

from station.clock import Scopes
from station.model.fault import Value
from station.model.library import Library
from station.model.verdict import Verdict
from station.records import unrestored
from station.run.plan import Files
from station.run.restoring import restore, restore_plan
from station.run.session import Request
from station.studies.rig import Rig, Station
from station.studies.simulation import DEFAULT_STATE, Simulated
from station.twin.states import read_state

RETESTS = 200
BY_HAND = "stop"
MENDED: Mapping[str, tuple[Value, Value]] = {
    BY_HAND: (True, False),
    "connections.supply.cut": (True, False),
    "connections.load.cut": (True, False),
    "voltmeter.silent": (True, False),
    "switch.silent": (True, False),
    "lines.rs485_a.cut": (True, False),
    "circuit.lead_open": (True, False),
    "sensors.estop_closed": (False, True),
}
"""What ends the first run: a parameter of the twin, what it becomes, and what it is again before the second."""
BOOTS_WITHIN = 3.0
"""Seconds after its key was let go in which a pack that slept answers."""


def retest(number: int, draw: str) -> Drawn:
    """The end of that number; always the same for the same text."""
    chance = random.Random(f"{draw} {number}")
    parameter = chance.choice(tuple(MENDED))
    return Drawn(number, parameter, MENDED[parameter][0], round(chance.uniform(0.0, LONGEST), 3), None)


def run_again(drawn: Drawn) -> Ended:
    """Let the first run end, mend the bench, restore what is owed, and test the pack again."""
    simulated = Simulated(read_state(DEFAULT_STATE), (), drawn.number)
    with Station.of(SEQUENCE).rig(simulated, SERIAL) as rig, tempfile.TemporaryDirectory(prefix="retest-") as folder:
        data = Path(folder)
        began = rig.clock.now()
        rig.at(None, lambda: _end(rig, drawn), lambda: rig.clock.now() - began >= drawn.at)
        first = rig.run(data).record
        if drawn.parameter != BY_HAND:
            rig.twin.set(drawn.parameter, MENDED[drawn.parameter][1])
        owed = _restored(rig, data)
        _anew(rig)
        rig.purpose = "retest"
        again = rig.run(data).record
    right = first.verdict is Verdict.PASS or (again.verdict is Verdict.PASS and first.verdict is not Verdict.FAIL)
    if right and not owed:
        return Ended(drawn, first.verdict, first.reason)
    came = f"{owed or 'retest'} {again.verdict}: {again.reason}; first {first.verdict}:"
    return Ended(drawn, first.verdict, first.reason, (came,))


def _end(rig: Rig, drawn: Drawn) -> None:
    if drawn.parameter == BY_HAND:
        rig.scopes.stop("by hand")
    else:
        rig.twin.set(drawn.parameter, drawn.value)


def _anew(rig: Rig) -> None:
    """The rig for another run of the same pack."""
    rig.scopes, rig.listeners = Scopes(rig.clock), []


def _restored(rig: Rig, data: Path) -> str:
    """Restore what the first run left shifted; why that did not work, if it did not."""
    owed = unrestored(data, SERIAL, simulated=True)
    if owed is None:
        return ""
    if rig.twin.bms.power.mode == "asleep":
        rig.twin.pack.press(True)
        rig.clock.wait(rig.plan.pack.keys["start"].si)
        rig.twin.pack.press(False)
        rig.clock.wait(BOOTS_WITHIN)
    _anew(rig)
    plan = restore_plan(Files(Library.default()), rig.plan.bench, rig.plan.slot, owed)
    request = Request(plan, SERIAL, data, simulation=rig.simulation)
    outcome = restore(request, owed, rig.served, rig.scopes)
    return "" if outcome.verdict is Verdict.PASS else f"restore {outcome.verdict}: {outcome.reason}; retest"


if __name__ == "__main__":
    sys.exit(program(retest, "a run", RETESTS, run_again))
