"""A second look at the voltmeter: what it says of the pack is held against the other end of the leads.

At no current both ends of a closed way have one voltage. So a voltmeter that hangs loose, stands still or is off tells
itself apart from a pack that is, before anything is put down to the pack.
"""

from __future__ import annotations

from dataclasses import replace

from station.actions.current import connect, disconnect
from station.actions.errors import BenchFault
from station.actions.stage import BEFORE_CURRENT, Reading, Stage

APART = 0.1
"""Volts by which the two ends of the leads may differ at no current, besides the uncertainties of both meters."""
MORE_THAN_CELLS = 0.75
"""Volts by which terminals cannot exceed what the pack says of its cells (manual 4.2: 0.5 % and 15 cells of 50 mV)."""


def looked_again(stage: Stage, at_pack: Reading, doubted: bool) -> Reading:
    """What the voltmeter shows, held against the bench's side of the contactor; raises BenchFault if they differ.

    A contactor that is open is closed for that only if the value is `doubted`, and may be closed at all.
    """
    if stage.flowing is not None or not all(stage.bench.has(role) for role in ("contactor", "supply_side")):
        return at_pack
    if stage.wiring.is_on("contactor"):
        return seen_at_both_ends(stage, at_pack)
    if doubted and stage.found.known >= BEFORE_CURRENT:
        connect(stage)
        at_pack = seen_at_both_ends(stage, at_pack)
        disconnect(stage)
    return at_pack


def seen_at_both_ends(stage: Stage, at_pack: Reading) -> Reading:
    """What both ends of the leads show at next to no current: the reading, or the next one if it changed just now.

    Raises BenchFault where voltmeter and bench side differ.
    """
    at_bench = stage.wiring.volts("supply_side")
    if _are_alike(stage, at_pack, at_bench):
        return at_pack
    again = replace(at_pack, value=stage.bench.voltmeter.voltage())
    if _are_alike(stage, again, at_bench):
        return again
    raise BenchFault(
        f"the voltmeter says {again.number:.2f} V and the other end of the leads has {at_bench:.2f} V at no current: "
        "see the voltmeter, its leads and the contactor"
    )


def _are_alike(stage: Stage, at_pack: Reading, at_bench: float) -> bool:
    doubt = (at_pack.uncertainty or 0.0) + (stage.bench.u("supply_side", "voltage", at_bench) or 0.0)
    return abs(at_pack.number - at_bench) <= APART + doubt


def see_no_more_than_the_cells(stage: Stage, at_pack: Reading) -> None:
    """Raise BenchFault for a voltage that is above all that the pack says of itself: no pack gives more than its cells.

    A voltage below may be the pack's: one whose FET is open only floats.
    """
    said = stage.readings(fresh=True)
    highest, lowest = max(said.pack_voltage, sum(said.cell_voltages)), min(said.pack_voltage, sum(said.cell_voltages))
    if highest - lowest < MORE_THAN_CELLS < at_pack.number - highest:
        raise BenchFault(
            f"the voltmeter says {at_pack.number:.2f} V, and both the pack ({said.pack_voltage:.2f} V) and its cells "
            f"({sum(said.cell_voltages):.2f} V) have less: see the voltmeter"
        )
