"""What a workshop does to a BMS over PACE ASCII: history, settings, calibration, the inverter's protocol."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from operator import attrgetter

from station.codecs.pace_ascii import Rtn
from station.codecs.pace_commands import Commands
from station.codecs.pace_history import LOCKED, POWER_ON, HistoryEntry, history_number
from station.model.protocol import Protocol
from station.twin.ascii_control import Control, Declined, Handler, one_byte
from station.twin.bms import Bms
from station.twin.bms.history import HistoryRecord
from station.twin.bms.measuring import Readings

ZERO_POINT = 4321
"""What calibrates the zero of the current, and nothing else does."""
CURRENT_STEP = 0.01
"""A of one count of a calibration current; the document gives a range of counts and no unit."""
RELEASE_SOC = range(74, 98)
HIGHEST_VOLTAGE = 0xFFFF / 1000
"""V that fit a frame; a broken front end may read more."""
FIRST_DATE, LAST_DATE = datetime(2000, 1, 1), datetime(2255, 12, 31, 23, 59, 59)
"""Dates that fit a frame."""
NO_CHANGE = 0xFF
PORTS = ("can", "rs485")
"""Those to an inverter, as 60H and 61H count them."""
_STARTS = frozenset(("board.start", "board.reset"))


@dataclass(slots=True)
class Inverter:
    """What the ports to an inverter speak: numbers of the list, and 0 chosen by itself, 1 by hand."""

    can: int = 0
    rs485: int = 0
    by_hand: int = 1


@dataclass(slots=True)
class Service:
    """The workshop's side of one BMS."""

    bms: Bms
    registers: Protocol
    commands: Commands
    control: Control
    inverter: Inverter = field(default_factory=Inverter)

    def handlers(self) -> Mapping[str, Handler]:
        """What answers each command."""
        return {
            "history": self._history,
            "clear_history": asked(lambda: self._done(self.bms.history.clear)),
            "restore_defaults": asked(lambda: self._done(self.bms.memory.restore_defaults)),
            "release_soc": self._set_release_soc,
            "cell_count": self._set_cells,
            "cycles": self._set_cycles,
            "limiter_start": asked(lambda: round(self.bms.limiter.start).to_bytes(2, "big")),
            "write_limiter_start": self._set_limiter_start,
            "calibrate_reference": self._calibrate_reference,
            "calibrate_zero": self._calibrate_zero,
            "calibrate_discharge": partial(self._calibrate_current, -1.0, range(50, 601)),
            "calibrate_charge": partial(self._calibrate_current, 1.0, range(50, 15001)),
            "calibrate_voltage": self._calibrate_voltage,
            "inverter_lists": asked(self._inverter_lists),
            "inverter_names": self._inverter_names,
            "inverter": asked(lambda: bytes((self.inverter.can, self.inverter.rs485))),
            "write_inverter": partial(self._set_inverter, ("can", "rs485")),
            "inverter_selection": asked(lambda: bytes(attrgetter("can", "rs485", "by_hand")(self.inverter))),
            "write_inverter_selection": partial(self._set_inverter, ("can", "rs485", "by_hand")),
            "write_raw": _locked,
            "read_raw": _locked,
        }

    def _done(self, act: Callable[[], None]) -> bytes:
        act()
        return b""

    # ------------------------------------------------------------------------------------------------ history

    def _history(self, info: bytes) -> bytes:
        number = history_number(info)
        return self._entry(self.bms.history[number]).encode() if number < len(self.bms.history) else b""

    def _entry(self, record: HistoryRecord) -> HistoryEntry:
        """A record as it travels; a board that had measured nothing writes zeros, and no temperatures."""
        seen, gauge = record.readings, self.bms.gauge
        return HistoryEntry(
            time=in_range(record.at),
            cells=seen.cell_voltages if seen else (0.0,) * self.bms.cells,
            temperatures=seen.temperatures if seen else (None,) * 6,
            current=seen.current if seen else 0.0,
            voltage=min(seen.pack_voltage, HIGHEST_VOLTAGE) if seen else 0.0,
            remaining=record.remaining,
            full=gauge.full,
            protection=self._word("protection", record.protection),
            fault=self._word("status", record.status) & 0xFF,
            warning=self._word("warning", record.warning),
            instruction=self.control.instruction_of(record.status),
            cycles=gauge.cycles,
            faults_8=LOCKED if record.event == "overcurrent.locked" else 0,
            faults_10=0,
            happened=POWER_ON if record.event in _STARTS else 0,
        )

    def _word(self, register: str, names: frozenset[str]) -> int:
        return self.registers.by_name[register].encode(names)[0]

    # ------------------------------------------------------------------------------------------------ settings

    def _set_release_soc(self, info: bytes) -> bytes:
        self.bms.recharge.soc = float(_among(RELEASE_SOC, one_byte(info)))
        return b""

    def _set_cells(self, info: bytes) -> bytes:
        self.bms.cells = _among(range(13, 17), one_byte(info))
        return b""

    def _set_cycles(self, info: bytes) -> bytes:
        self.bms.gauge.cycles = _number(info)
        return b""

    def _set_limiter_start(self, info: bytes) -> bytes:
        self.bms.limiter.start = float(_among(range(1, 301), _number(info)))
        return b""

    # ------------------------------------------------------------------------------------------------ calibration

    def _calibrate_reference(self, info: bytes) -> bytes:
        """Taken, and without effect here: the readings of the twin hang on no reference voltage."""
        _among(range(1000, 5001), _number(info))
        return b""

    def _calibrate_zero(self, info: bytes) -> bytes:
        """Take the present reading for no current at all."""
        _among(range(ZERO_POINT, ZERO_POINT + 1), _number(info))
        self.bms.adc.current_offset -= self._seen().current
        return b""

    def _calibrate_current(self, sign: float, allowed: range, info: bytes) -> bytes:
        """Take the present reading for that many 10 mA; 0: forget all calibration."""
        counts = _number(info)
        if counts == 0:
            self.bms.adc.current_gain = 1.0
            return b""
        seen = self._seen().current
        if sign * seen < Bms.VALID_CURRENT:
            raise Declined(Rtn.FAILED)
        self.bms.adc.current_gain *= sign * _among(allowed, counts) * CURRENT_STEP / seen
        return b""

    def _calibrate_voltage(self, info: bytes) -> bytes:
        """Take the present reading for that many mV."""
        self.bms.adc.pack_voltage_gain *= (
            _among(range(20_000, 65_001), _number(info)) / 1000 / self._seen().pack_voltage
        )
        return b""

    def _seen(self) -> Readings:
        """The present readings; raises Declined where there are none to calibrate by."""
        seen = self.bms.readings
        if seen is None or seen.pack_voltage <= 0:
            raise Declined(Rtn.FAILED)
        return seen

    # ------------------------------------------------------------------------------------------------ inverter

    def _inverter_lists(self) -> bytes:
        return b"".join(bytes((len(each), *each)) for each in (self.commands.inverters[port] for port in PORTS))

    def _inverter_names(self, info: bytes) -> bytes:
        """Names ending with 00, for a request of language, kind (0 CAN, 1 RS485), count and numbers."""
        if len(info) < 3 or len(info) != 3 + info[2]:
            raise Declined(Rtn.FORMAT)
        known = self.commands.inverters[PORTS[_among(range(2), info[1])]]
        if not known.keys() >= set(info[3:]):
            raise Declined(Rtn.NO_DATA)
        names = (bytes((number,)) + known[number].encode() + b"\x00" for number in info[3:])
        return bytes((info[2],)) + b"".join(names)

    def _set_inverter(self, names: tuple[str, ...], info: bytes) -> bytes:
        """FF changes nothing."""
        if len(info) != len(names):
            raise Declined(Rtn.FORMAT)
        allowed: dict[str, Container[int]] = {**self.commands.inverters, "by_hand": range(2)}
        wanted = {name: number for name, number in zip(names, info, strict=True) if number != NO_CHANGE}
        if any(number not in allowed[name] for name, number in wanted.items()):
            raise Declined(Rtn.INVALID)
        for name, number in wanted.items():
            setattr(self.inverter, name, number)
        return b""


def in_range(moment: datetime) -> datetime:
    """A date and time as a frame can carry it."""
    return min(max(moment, FIRST_DATE), LAST_DATE)


def asked(give: Callable[[], bytes]) -> Handler:
    """A command that carries nothing."""

    def answer(info: bytes) -> bytes:
        if info:
            raise Declined(Rtn.FORMAT)
        return give()

    return answer


def _locked(info: bytes) -> bytes:
    """Raw memory is for the maker alone; this board does not let go of it."""
    raise Declined(Rtn.FAILED if info else Rtn.FORMAT)


def _number(info: bytes) -> int:
    if len(info) != 2:
        raise Declined(Rtn.FORMAT)
    return int.from_bytes(info, "big")


def _among(allowed: range, number: int) -> int:
    if number not in allowed:
        raise Declined(Rtn.INVALID)
    return number
