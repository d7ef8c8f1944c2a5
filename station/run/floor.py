"""The floor: the least time that a step can take on any station, in two parts.

Physics is what pack and firmware need: presses, boot, lamp periods, delays, releases, recoveries, and the current that
must flow before something can be shown. It comes from the pack file alone. Communication is what must cross the pack's
own line while nothing else goes on, at its baud rate with the pause that its protocol asks for. What a station adds to
both is its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from station.actions.balancing import DIP_READINGS
from station.actions.lamps import STEADY, watch_time
from station.actions.measuring import SEEN_WITHIN
from station.actions.opening import TAIL, WITNESS_EVERY
from station.actions.resistance import HIGH_FOR, LOW_FOR
from station.model.pack import Pack, Protection
from station.model.protocol import Protocol
from station.model.sequence import Expectation, LeaveChanged, Step, WriteBack
from station.model.shift import drifts

ANSWERS_AFTER = 0.03
"""Seconds from a request to the first byte of its answer (PACE boards; cycle-time model of the product)."""
READ_FRAME, WRITE_FRAME = 8 + 5, 9 + 8
"""Bytes of request and answer besides the registers (Modbus RTU, functions 03 and 10h)."""
READINGS, TEXT, GROUP, CELLS = 37, 10, 4, 16
"""Registers of the data block, of a text, of one protection, of the cell voltages (PACE Modbus V1.3)."""


@dataclass(frozen=True, slots=True)
class Least:
    """Seconds that nothing can be done about."""

    physics: float = 0.0
    communication: float = 0.0

    def __add__(self, other: Least) -> Least:
        """One after the other."""
        return Least(self.physics + other.physics, self.communication + other.communication)

    @property
    def seconds(self) -> float:
        """Both together."""
        return round(self.physics + self.communication, 3)


NONE = Least()


@dataclass(frozen=True, slots=True)
class Declared:
    """Where the declared times come from."""

    pack: Pack
    protocol: Protocol

    def time(self, name: str) -> float:
        """Seconds that something takes by the pack file; none where it does not say."""
        if name in self.pack.takes:
            return self.pack.takes[name].si
        row = self.pack.times.get(name)
        return 0.0 if row is None else row.low if row.low is not None else row.high or 0.0

    def read(self, registers: int) -> Least:
        """One read of so many registers."""
        return self._frame(READ_FRAME + 2 * registers)

    def write(self, registers: int) -> Least:
        """One write of so many registers, read back."""
        return self._frame(WRITE_FRAME + 2 * registers) + self.read(registers)

    def _frame(self, count: int) -> Least:
        line, bits = self.protocol.line, 10
        return Least(communication=bits * count / line.baud + ANSWERS_AFTER + self.protocol.timing.gap)

    def longest(self, protection: Protection) -> float:
        """Seconds after which a protection must have acted."""
        delay = protection.values.get("delay")
        return delay.si if delay else self.pack.limits["trip_time"].is_.high or 0.0

    def watched(self, written: Expectation) -> float:
        """Seconds for which the lamps of an expectation are watched."""
        if written.lamps is None or written.lamps == "lamp_test":
            return 0.0
        return watch_time(self.pack, written.lamps, written.for_)

    @property
    def stored(self) -> int:
        """Registers of the block of stored settings."""
        addresses = [each.address for each in self.protocol.by_name.values() if each.writable and each.type != "text"]
        return max(addresses) - min(addresses) + 1


def floor_of(step: Step, declared: Declared, inside: Iterable[Least], meanwhile: Iterable[Least]) -> Least:
    """The least time of one step: its own actions one after the other, its waits in parallel with what runs meanwhile,
    then its inner steps.
    """
    words = set(step.actions())
    own = sum((least(step, declared) for word, least in _FLOORS.items() if word in words), NONE)
    if step.under is not None:
        own += Least(physics=SEEN_WITHIN)
    waits = [_expected(step, written, declared) for written in step.expect]
    hidden = sum(meanwhile, NONE)
    waiting = sum(waits, NONE)
    return own + (hidden if hidden.seconds > waiting.seconds else waiting) + sum(inside, NONE)


def _press(step: Step, declared: Declared) -> Least:
    """The press, and the boot that is still to come after a reset; a start boots while the key is still held."""
    boots = declared.time("boot") if step.press_key == "reset" else 0.0
    return Least(physics=declared.pack.keys[step.press_key or ""].si + boots)


def _trips(step: Step, declared: Declared) -> Least:
    """Each trip in each way, after the hold of those that are shifted; what trips again has to come back first."""
    trips = sum((_trip(declared.pack.protection[name], way, declared) for name in step.trip for way in step.by), NONE)
    if "shift" in step.by:
        held = [declared.pack.protection[name] for name in step.trip]
        trips += _hold(held, declared)
        trips += Least(physics=-_settled(held[0]))  # the current has flowed all through the hold
    again = [name for index, name in enumerate(step.trip) if name in step.trip[:index]]
    return sum((_recovery(declared.pack.protection[name], declared) for name in again), trips)


def _hold(protections: Sequence[Protection], declared: Declared) -> Least:
    """One frame for all of them, the longest of their delays, their flags; the first trip puts all of them back, or a
    frame of its own those that a current goes on to move.
    """
    addresses = [declared.protocol.by_name[name].address for name in _registers(protections)]
    span = max(addresses) - min(addresses) + 1
    settled = max(map(_settled, protections))
    back = declared.write(span if any(map(drifts, protections)) else span - GROUP)
    wires = declared.read(READINGS) + declared.write(span) + declared.read(READINGS) + back
    return wires + Least(physics=settled + max(declared.longest(each) for each in protections))


def _settled(protection: Protection) -> float:
    """Seconds in which the pack must have seen the present current, for what a current moves."""
    return 0.0 if protection.kind == "temperature" else SEEN_WITHIN


def _registers(protections: Iterable[Protection]) -> Iterator[str]:
    for each in protections:
        yield from (f"{each.name}.{value}" for value in ("alarm", "trip", "release") if value in each.values)


def _recovery(protection: Protection, declared: Declared) -> Least:
    """From the judging of an over-current until current comes back by itself."""
    recovery = protection.recovery
    return NONE if recovery is None else Least(physics=recovery.after.si - _judging(declared).seconds)


def _trip(protection: Protection, way: str, declared: Declared) -> Least:
    """Live value, delay, proof that current stays away, flags; then back, and its release."""
    if way == "extrapolation":
        return NONE
    delay = protection.values.get("delay")
    acts = Least(physics=delay.si if delay else 1.0) + _judging(declared)
    if way == "direct_drive":
        held = declared.pack.limits["trip_time"].is_.high or 0.0
        return acts + Least(physics=held)
    shifted = Least(physics=_settled(protection)) + declared.read(READINGS) + declared.write(GROUP) + acts
    return shifted + _release(protection, declared)


def _judging(declared: Declared) -> Least:
    """What is looked at right after an opening: that current stays away, and the pack's flags."""
    return Least(physics=TAIL * WITNESS_EVERY) + declared.read(READINGS)


def _release(protection: Protection, declared: Declared) -> Least:
    back = declared.write(GROUP)
    if "release" not in protection.values:
        return back
    released = Least(physics=declared.time("release_delay"))
    if protection.releases_if == "charging":
        holds = declared.pack.reacts_within.get("release")
        return back + Least(physics=holds.si if holds else 0.0) + released + declared.read(READINGS)
    return released if released.seconds > back.seconds else back


def _alarms(step: Step, declared: Declared) -> Least:
    """For each group one write, the alarm's own delay, the flags, and back; its expectations are counted once here."""
    watched = max((declared.watched(written) for written in step.expect), default=0.0)
    span = declared.stored // 2
    wires = declared.read(READINGS) + declared.write(span) + declared.read(READINGS) + declared.write(span)
    one = wires + Least(physics=SEEN_WITHIN + declared.time("alarm_delay"))
    again = Least(physics=watched * (len(step.alarm) - 1))
    return sum([one] * len(step.alarm), again)


def _flow(step: Step, declared: Declared) -> Least:
    return Least(physics=declared.time(step.for_ or "") + declared.time(step.until or ""))


def _resistance(step: Step, declared: Declared) -> Least:
    """Both levels, and the cells after each; what the step expects is looked at within the first."""
    hidden = sum(declared.watched(written) for written in step.expect)
    return Least(physics=LOW_FOR + HIGH_FOR - hidden) + declared.read(READINGS)


def _parameters(step: Step, declared: Declared) -> Least:
    if isinstance(step.parameters, WriteBack):
        return declared.write(1) + declared.write(1)
    if isinstance(step.parameters, LeaveChanged):
        return declared.write(1) + declared.write(1)
    return declared.read(declared.stored)


def _balance(step: Step, declared: Declared) -> Least:
    if step.balance == "stop":
        return declared.write(GROUP)
    dip = sum([declared.read(READINGS)] * DIP_READINGS, NONE)
    return Least(physics=declared.time("spread")) + declared.write(GROUP) + dip


def _measured(step: Step, declared: Declared) -> Least:
    """A current is compared while it flows; after a stimulus the values are there already."""
    counted = declared.read(CELLS) if "cell_count" in step.measure else NONE
    if "current_error" in step.measure and not step.resistance:
        return counted + Least(physics=SEEN_WITHIN) + declared.read(READINGS)
    return counted


def _required(step: Step, declared: Declared) -> Least:
    texts = declared.read(TEXT) if "serial_number" in step.require else NONE
    return texts + (declared.read(READINGS) if "product" in step.require else NONE)


def _programmed(step: Step, declared: Declared) -> Least:
    """What is stored already is only read; the serial number has been read when it was required."""
    return sum([declared.read(TEXT)] * len(set(step.program) - {"pack_sn"}), NONE)


def _recorded(step: Step, declared: Declared) -> Least:
    return declared.read(TEXT) if "bms_serial" in step.record else NONE


def _limiter(step: Step, declared: Declared) -> Least:
    """For each command the command, then the current that is let through; a limited one never settles."""
    each = declared.read(TEXT) + Least(physics=SEEN_WITHIN)
    reaction = declared.pack.reacts_within.get("limiter")
    return sum([each] * len(step.limiter), Least(physics=reaction.si if reaction else 0.0))


_FLOORS: Mapping[str, Callable[[Step, Declared], Least]] = {
    "press_key": _press,
    "require": _required,
    "program": _programmed,
    "limiter": _limiter,
    "record": _recorded,
    "parameters": _parameters,
    "resistance": _resistance,
    "trip": _trips,
    "alarm": _alarms,
    "balance": _balance,
    "charge": _flow,
    "discharge": _flow,
    "measure": _measured,
}


def _expected(step: Step, written: Expectation, declared: Declared) -> Least:
    """The longest of what one expectation waits for; what the pack says of itself comes on top."""
    protection = declared.pack.protection.get(written.released or "")
    comes_back = protection is not None and step.charge is None  # a charge opens a lock at once
    waits = [
        0.0 if step.press_key == "reset" and written.lamps == "lamp_test" else declared.watched(written),
        _recovery(protection, declared).physics if protection is not None and comes_back else 0.0,
        STEADY if written.terminals or written.silent else 0.0,
        declared.time("lock_proof") if written.locked else 0.0,
    ]
    said = [
        declared.read(READINGS) if written.flags and not step.resistance else NONE,
        declared.read(TEXT) if written.firmware else NONE,
        declared.read(declared.stored) if written.parameters else NONE,
        declared.read(READINGS) if written.balancing or written.counters else NONE,
    ]
    return sum(said, Least(physics=max(waits)))
