"""The action `talk`: each port of the pack says the same of the same pack."""

from __future__ import annotations

from station.actions.errors import BenchFault
from station.actions.stage import Stage
from station.bms.errors import BmsError, PackSilent

CELLS_AGREE = 0.02
"""Volts by which a cell may differ between two readings a moment apart, at rest."""


def talk(stage: Stage) -> None:
    """Ask every named port for serial number and cells; they must be what the pack says on the port of the run."""
    expected = stage.port.bms.text(stage.pack.serial_number.stored_in)
    for name in stage.step.talk:
        found, reason = _said(stage, name, expected)
        stage.expect(f"talk_{name}", found, "same pack", reason, witness=name)


def _said(stage: Stage, name: str, expected: str) -> tuple[str, str]:
    port = stage.bench.port(name)
    try:
        serial = port.client.text(stage.pack.serial_number.stored_in)
        cells = port.client.readings().cell_voltages
    except PackSilent as silence:
        see_own_line(stage, name)
        if port.answers(stage.pack.serial_number.stored_in):
            raise BenchFault(
                f"{silence}; the pack answers again on {name}: see the cable for a loose contact"
            ) from None
        return "silent", f"{silence}, and the station's own line proved good"
    except BmsError as damage:
        raise BenchFault(f"{name}: {damage}") from None
    apart = max(abs(a - b) for a, b in zip(cells, stage.readings(fresh=True).cell_voltages, strict=True))
    if serial != expected:
        return "another pack", f"{name} says serial number {serial or '(none)'}, {stage.port_name} says {expected}"
    if apart > CELLS_AGREE:
        return "other cells", f"a cell differs by {1000 * apart:.0f} mV between {name} and {stage.port_name}"
    return "same pack", ""


def see_own_line(stage: Stage, name: str) -> None:
    """Silence is the pack's only if the station's own line proves good right afterwards; else raises BenchFault."""
    works = stage.bench.port(name).own_line_works()
    if works is None:
        raise BenchFault(f"nothing is heard on {name}, and this bench has no loop-back to prove its own line good")
    if not works:
        raise BenchFault(f"nothing is heard on {name}, and the station's own loop-back fails: check adapter and cable")
