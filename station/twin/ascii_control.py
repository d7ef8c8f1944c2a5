"""What can be switched on a BMS over PACE ASCII: the switches of command 99H, the FETs, shutdown and test mode."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from station.codecs.pace_ascii import Rtn
from station.codecs.pace_commands import Commands
from station.model.protocol import Protocol
from station.twin.bms import Bms

Handler = Callable[[bytes], bytes]
"""The information of a request, and that of its answer; raises Declined."""

_OPPOSITE: Mapping[Literal["charge_fet", "discharge_fet"], str] = {
    "charge_fet": "discharging",
    "discharge_fet": "charging",
}


class Declined(Exception):
    """A sound request that gets a return code, and sometimes information with it."""

    def __init__(self, rtn: Rtn, info: bytes = b"") -> None:
        """Keep both."""
        self.rtn, self.info = rtn, info
        super().__init__(rtn.name)


@dataclass(slots=True)
class Control:
    """The switches of one BMS; boards differ in two things.

    `reversed`: on and off of limiter and LED alarm are the other way round, as PbmsTools uses them · `says_state`: an
    answer repeats the command and shows the control state (recorded), or is empty (V3.1).
    """

    bms: Bms
    registers: Protocol
    commands: Commands
    reversed: bool = False
    says_state: bool = True
    lock: bool = False
    """The function that locks the output; nothing in the twin depends on it."""
    test_mode: bool = False

    def handlers(self, now: Callable[[], float]) -> Mapping[str, Handler]:
        """What answers each command."""
        return {
            "control": self._control,
            "charge_fet": lambda info: self._force("charge_fet", info),
            "discharge_fet": lambda info: self._force("discharge_fet", info),
            "shutdown": lambda info: self._shut_down(info, now()),
            "test_mode": self._test,
        }

    def state(self) -> int:
        """The control state."""
        bits = {
            "buzzer": self.bms.buzzer.enabled,
            "charge_fet_off": not self.bms.charge_fet.enabled,
            "discharge_fet_off": not self.bms.discharge_fet.enabled,
            "low_gear": self.bms.limiter.low_gear,
            "limiter_off": not self.bms.limiter.enabled,
            "led_alarm_off": not self.bms.lamps.enabled,
            "lock": self.lock,
            "test_mode": self.test_mode,
        }
        return self.commands.byte_of("control", (name for name, is_set in bits.items() if is_set))

    def instruction(self) -> int:
        """The instruction state now."""
        return self.instruction_of(self._status())

    def instruction_of(self, status: frozenset[str]) -> int:
        """The instruction state, which has other words for what the status register calls charging and discharging."""
        other = {"charging": "ac_in", "discharging": "pack_supplies"}
        return self.commands.byte_of("instruction", (other.get(name, name) for name in status))

    def _status(self) -> frozenset[str]:
        register = self.registers.by_name["status"]
        value = register.decode(self.bms.read(register.address, 1))
        assert isinstance(value, frozenset)
        return value

    def _control(self, info: bytes) -> bytes:
        names = {code: name for name, code in self.commands.control.items()}
        code = one_byte(info)
        if code not in names:
            raise Declined(Rtn.INVALID)
        what, _, word = names[code].rpartition("_")
        if what not in self._switches():
            raise Declined(Rtn.FAILED)
        owner, attribute = self._switches()[what]
        setattr(owner, attribute, (word == "on") != (self.reversed and what in ("limiter", "led_alarm")))
        return bytes((code, self.state())) if self.says_state else b""

    def _switches(self) -> Mapping[str, tuple[object, str]]:
        """What each switch sets; there is no CAN port to choose a protocol for."""
        return {
            "limiter": (self.bms.limiter, "enabled"),
            "low_gear": (self.bms.limiter, "low_gear"),
            "balancing": (self.bms.balancing, "resting"),
            "buzzer": (self.bms.buzzer, "enabled"),
            "led_alarm": (self.bms.lamps, "enabled"),
            "lock": (self, "lock"),
        }

    def _force(self, name: Literal["charge_fet", "discharge_fet"], info: bytes) -> bytes:
        """Switch a FET off, or leave it to the protections, from their next round on.

        Never both are off, nor one while current flows the other way.
        """
        fets = {"charge_fet": self.bms.charge_fet, "discharge_fet": self.bms.discharge_fet}
        fet = fets.pop(name)
        (other,) = fets.values()
        off = one_byte(info)
        if off not in (0, 1):
            raise Declined(Rtn.INVALID)
        if off and (not other.enabled or _OPPOSITE[name] in self._status()):
            raise Declined(Rtn.FAILED, bytes((self.instruction(),)))
        fet.enabled = not off
        fet.closed = fet.closed and fet.enabled
        return bytes((self.instruction(),))

    def _shut_down(self, info: bytes, now: float) -> bytes:
        """Go to sleep, once this is answered."""
        if len(info) > 1:
            raise Declined(Rtn.FORMAT)
        self.bms.shut_down(now)
        return b""

    def _test(self, info: bytes) -> bytes:
        """Test mode 1: no limiter, and every cell is bled; the others belong to the maker's own bench."""
        if not 1 <= len(info) <= 2:
            raise Declined(Rtn.FORMAT)
        if info[0] != 1:
            raise Declined(Rtn.FAILED)
        self.test_mode = True
        self.bms.limiter.enabled = False
        self.bms.balancing.always[:] = True
        return b""


def one_byte(info: bytes) -> int:
    """The only byte; raises Declined."""
    if len(info) != 1:
        raise Declined(Rtn.FORMAT)
    return info[0]
