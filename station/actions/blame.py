"""Whose fault it is when a current does not flow as it should: found out before anything is put down to the pack.

A load that tripped, a supply that went to constant voltage, a lead that was pulled, a worn clamp and an ammeter of the
bench that is wrong are recognised here and raise BenchFault; only what is left over is the pack's.
"""

from __future__ import annotations

from station.actions.errors import BenchFault
from station.actions.stage import Stage
from station.model.direction import Direction
from station.model.quantity import Quantity

LIVE = 10.0
"""Volts at the pack's terminals from which a bench that sees nothing of them has lost a lead."""
WAY_AT_MOST = 10e-3
"""Ohm of leads, clamps, contactor and shunt there and back; more means a worn clamp (domain practice: 10 mOhm)."""
DROP_AT_MOST = 1.0
"""Volts that may be lost on that way at any current of a test."""
AGREE = 0.01
"""Share by which two ammeters of the bench may differ besides their uncertainties."""
NOTHING = 1.0
"""Amperes below which no voltage is lost on the way."""
NEARLY = 0.3
"""Volts below the ceiling of a charge from which a pack counts as full."""


def see_that_bench_is_whole(stage: Stage) -> None:
    """Raise BenchFault if current stopped because of the station: a tripped instrument, or a lead that came off."""
    for role, driver in (("load", stage.bench.load), ("supply", stage.bench.supply)):
        tripped = driver.reading().tripped
        if tripped:
            raise BenchFault(f"the current stopped because the {role} switched itself off: {tripped}")
    at_pack, at_bench = stage.bench.voltmeter.voltage(), stage.wiring.volts("supply_side")
    if stage.wiring.is_on("contactor") and abs(at_pack) > LIVE and _are_apart(stage, at_pack, at_bench):
        found = f"the pack has {at_pack:.1f} V and the bench sees {at_bench:.1f} V"
        raise BenchFault(f"{found}: a lead came off or the contactor opened")


def _are_apart(stage: Stage, at_pack: float, at_bench: float) -> bool:
    """Whether two voltages cannot be those of the two ends of one closed way."""
    apart = abs(at_pack - at_bench)
    return apart > 0.5 * abs(at_pack) or (apart > DROP_AT_MOST and abs(stage.wiring.shunt_current()) < NOTHING)


def see_that_nothing_shorts_the_pack(stage: Stage) -> None:
    """While the station lets nothing flow: raise BenchFault where the pack tells of a current out of it, and its
    terminals are held down, as by reversed leads behind a welded contactor. With nothing across them they float, even
    when its FETs are open.
    """
    over_currents = {name for name, each in stage.pack.protection.items() if each.of == "discharge_current"}
    told = sorted(over_currents & stage.readings(fresh=True).protection)
    if told and stage.bench.has("voltmeter") and abs(volts := stage.bench.voltmeter.voltage()) < LIVE:
        raise BenchFault(
            f"the pack says {', '.join(told)} though the station lets nothing flow, and its terminals have {volts:.1f} "
            "V: something joins them; see leads and contactor, and if it says so with nothing connected, it is the pack"
        )


def see_that_the_pack_blocks(stage: Stage, direction: Direction) -> None:
    """After a current that did not come: raise BenchFault unless nothing but the pack can have stopped it."""
    see_that_bench_is_whole(stage)
    see_that_ammeters_agree(stage, direction)
    at_pack = stage.bench.voltmeter.voltage()
    driver = stage.bench.driver(direction)
    reading = driver.reading()
    lost = abs(at_pack - reading.voltage)
    if lost > DROP_AT_MOST and reading.current > 0:
        raise BenchFault(
            f"{lost:.1f} V are lost between pack and bench at {reading.current:.1f} A: see leads and clamps"
        )
    if direction == "discharge":
        return
    ceiling = stage.pack.ceiling["terminal_voltage"]
    assert isinstance(ceiling, Quantity)
    top = min(ceiling.si, stage.bench.bench.envelope.voltage.si)
    if LIVE < reading.voltage < top - NEARLY:
        found = (
            f"the supply gives {reading.current:.1f} A at {reading.voltage:.1f} V, below the {top:.2f} V that it may"
        )
        raise BenchFault(f"{found}: it limits itself, by its power or a setting")
    said = stage.readings(fresh=True)
    if min(sum(said.cell_voltages), said.pack_voltage) > top - NEARLY:
        raise BenchFault(
            f"no headroom: at {at_pack:.2f} V the supply limits the current, not the pack; discharge it first"
        )


def see_that_the_load_asks_for_it(stage: Stage) -> None:
    """After a current that came too small, or not at all: raise BenchFault if the load has the voltage to take more."""
    reading = stage.bench.load.reading()
    if reading.voltage > LIVE:
        found = f"the load takes {reading.current:.1f} A at {reading.voltage:.1f} V, and the pack would give more"
        raise BenchFault(f"{found}: it is set to less or limits itself; have it calibrated")


def see_that_ammeters_agree(stage: Stage, direction: Direction) -> None:
    """Raise BenchFault if the ammeters of the bench differ, or the way to the pack is too long for what flows.

    The instrument is read before and after the shunt, so that a current which changes just then is no disagreement.
    """
    driver, role = (stage.bench.supply, "supply") if direction == "charge" else (stage.bench.load, "load")
    before, shunt = driver.reading(), abs(stage.wiring.shunt_current())
    at_pack, after = stage.bench.voltmeter.voltage(), driver.reading()
    amperes = (before.current + after.current) / 2
    largest = max(amperes, shunt)
    if largest < NOTHING or abs(before.current - after.current) > AGREE * largest:
        return
    doubt = sum(stage.bench.u(name, "current", largest) or 0.0 for name in (role, "shunt"))
    if abs(amperes - shunt) > AGREE * largest + doubt:
        raise BenchFault(f"the {role} says {amperes:.2f} A and the shunt {shunt:.2f} A: have both calibrated")
    lost = abs(at_pack - after.voltage) - (stage.bench.u(role, "voltage", after.voltage) or 0.0)
    if lost > WAY_AT_MOST * amperes:
        way = f"{1000 * lost / amperes:.0f} mOhm lie between pack and {role}, {1000 * WAY_AT_MOST:.0f} are good"
        raise BenchFault(f"{way}: see leads, clamps and contactor")
