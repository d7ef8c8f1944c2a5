"""The action `program`: what a new board does not know yet, its serial number and the time.

Blank is written, and the journal says so before; equal is left. Anything else is another pack or a board with a past,
which no test overwrites: BLOCKED.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from station.actions.errors import Blocked
from station.actions.parameters import ASCII
from station.actions.stage import Stage
from station.bms.pace_ascii import PaceAscii

SET = 2001
"""First year that a clock can show which was ever set: PACE boards begin at the first second of 2000."""


def program(stage: Stage) -> None:
    """Write each text or time of the step that is blank; raises Blocked for one that says something else."""
    for name in stage.step.program:
        PROGRAMMABLE[name].write(stage)


def _serial_number(stage: Stage) -> None:
    bms, name = stage.port.bms, stage.pack.serial_number.stored_in
    stored = bms.text(name)
    if not stored:
        _about_to_write(stage, name, stage.serial_number)
        bms.write_text(name, stage.serial_number)
    elif stored != stage.serial_number:
        raise Blocked(
            f"the pack says it is {stored}, {stage.serial_number} was scanned: scan the label of this pack again"
        )


def _clock(stage: Stage) -> None:
    bms, now = stage.bench.port(ASCII).speaking(PaceAscii), datetime.now(UTC).replace(tzinfo=None)
    says, allowed = bms.clock(), stage.pack.limits["clock_error"].is_
    if says.year < SET:
        _about_to_write(stage, "clock", f"{now:%Y-%m-%d %H:%M:%S} UTC")
        bms.set_clock(now)
    elif not allowed.contains((says - now).total_seconds()):
        raise Blocked(
            f"the clock of the pack says {says:%Y-%m-%d %H:%M:%S}, it is {now:%Y-%m-%d %H:%M:%S} UTC, and the "
            f"difference may be {allowed}: this board was set before; find out by whom, or clear its clock"
        )


def _about_to_write(stage: Stage, name: str, value: str) -> None:
    stage.found.energised = True
    stage.note(f"{name} is blank; writing {value}")


@dataclass(frozen=True, slots=True)
class Programmable:
    """How something is written, and which roles that needs."""

    write: Callable[[Stage], None]
    roles: frozenset[str] = frozenset()


PROGRAMMABLE: Mapping[str, Programmable] = {
    "pack_sn": Programmable(_serial_number),
    "clock": Programmable(_clock, frozenset({ASCII})),
}
"""What this station can program."""
