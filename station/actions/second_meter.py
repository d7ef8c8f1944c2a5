"""A second look at the voltmeter: what it says of the pack is held against the other end of the leads.

At no current both ends of a closed way have one voltage. So a voltmeter that hangs loose, stands still or is off tells
itself apart from a pack that is, before anything is put down to the pack.
"""

from __future__ import annotations

from station.actions.current import connect, disconnect
from station.actions.errors import BenchFault
from station.actions.stage import BEFORE_CURRENT, Reading, Stage

APART = 0.1
"""Volts by which the two ends of the leads may differ at no current, besides the uncertainties of both meters."""
MORE_THAN_CELLS = 0.75
"""Volts by which terminals cannot exceed what the pack says of its cells (manual 4.2: 0.5 % and 15 cells of 50 mV)."""


def look_again(stage: Stage, at_pack: Reading, doubted: bool) -> None:
    """Raise BenchFault if the bench's side of the contactor has another voltage than the voltmeter has just shown.

    A contactor that is open is closed for that only if the value is `doubted`, and may be closed at all.
    """
    if stage.flowing is not None or not all(stage.bench.has(role) for role in ("contactor", "supply_side")):
        return
    if stage.wiring.is_on("contactor"):
        see_both_ends_alike(stage, at_pack)
    elif doubted and stage.found.known >= BEFORE_CURRENT:
        connect(stage)
        see_both_ends_alike(stage, at_pack)
        disconnect(stage)


def see_both_ends_alike(stage: Stage, at_pack: Reading) -> None:
    """Raise BenchFault where voltmeter and bench side differ although next to nothing flows between them."""
    assert isinstance(at_pack.value, float)
    at_bench = stage.wiring.volts("supply_side")
    doubt = (at_pack.uncertainty or 0.0) + (stage.bench.u("supply_side", "voltage", at_bench) or 0.0)
    if abs(at_pack.value - at_bench) > APART + doubt:
        raise BenchFault(
            f"the voltmeter says {at_pack.value:.2f} V and the other end of the leads has {at_bench:.2f} V at no "
            "current: see the voltmeter, its leads and the contactor"
        )


def see_no_more_than_the_cells(stage: Stage, at_pack: Reading) -> None:
    """Raise BenchFault for a voltage that is above all that the pack says of itself: no pack gives more than its cells.

    A voltage below may be the pack's: one whose FET is open only floats.
    """
    assert isinstance(at_pack.value, float)
    said = stage.readings(fresh=True)
    highest, lowest = max(said.pack_voltage, sum(said.cell_voltages)), min(said.pack_voltage, sum(said.cell_voltages))
    if highest - lowest < MORE_THAN_CELLS < at_pack.value - highest:
        raise BenchFault(
            f"the voltmeter says {at_pack.value:.2f} V, and both the pack ({said.pack_voltage:.2f} V) and its cells "
            f"({sum(said.cell_voltages):.2f} V) have less: see the voltmeter"
        )
