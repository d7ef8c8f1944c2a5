"""What the BMS remembers: settings and texts, in words that survive a reset, and the rules by which it takes new ones.

The PACE document leaves open what happens to a write that is not allowed. Here: a register that is reserved or
read-only, a value outside the range that PbmsTools accepts, or a set of thresholds in the wrong order is refused with
exception 3; a register beyond the map with exception 2. All words of a frame are judged together, and a refused frame
changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf
from typing import cast

from station.model.ordering import violations
from station.model.protocol import Protocol, Register, Value

ILLEGAL_ADDRESS, ILLEGAL_VALUE = 2, 3
"""Modbus exceptions."""
_TEXT_BYTES = frozenset((0x00, 0xFF, *range(0x20, 0x7F)))

ACCEPTS: Mapping[str, tuple[float, float]] = {
    "pack_overvoltage": (20.0, 65.0),
    "pack_undervoltage": (15.0, 50.0),
    "cell_overvoltage": (2.5, 4.5),
    "cell_undervoltage": (2.0, 3.5),
    "pack_overvoltage.delay": (1.0, 20.0),
    "pack_undervoltage.delay": (1.0, 20.0),
    "cell_overvoltage.delay": (1.0, 20.0),
    "cell_undervoltage.delay": (1.0, 20.0),
    "charge_overcurrent": (1.0, 220.0),
    "discharge_overcurrent": (1.0, 220.0),
    "charge_overcurrent.delay": (0.5, 25.0),
    "discharge_overcurrent.delay": (0.5, 25.0),
    "charge_overcurrent_2": (5.0, 300.0),
    "discharge_overcurrent_2": (5.0, 300.0),
    "charge_overcurrent_2.delay": (0.1, 2.0),
    "discharge_overcurrent_2.delay": (0.1, 2.0),
    "charge_overtemperature": (20.0, 100.0),
    "discharge_overtemperature": (20.0, 100.0),
    "ambient_overtemperature": (20.0, 100.0),
    "mosfet_overtemperature": (30.0, 120.0),
    "charge_undertemperature": (-35.0, 30.0),
    "discharge_undertemperature": (-35.0, 30.0),
    "ambient_undertemperature": (-35.0, 30.0),
    "balancing.start_voltage": (3.3, 4.5),
    "balancing.start_difference": (0.020, 0.500),
    "full_charge_voltage": (20.0, 65.0),
    "full_charge_current": (0.5, 5.0),
    "cell_sleep_voltage": (2.0, 4.0),
    "cell_sleep_delay": (60.0, 7200.0),
    "short_circuit.delay": (100e-6, 500e-6),
    "soc_low": (0.0, 100.0),
}
"""V, A, degC, s, %: the ranges of the manufacturer's tool PbmsTools; a full name goes before its family's."""


class Refused(Exception):
    """A request that the BMS answers with a Modbus exception."""

    def __init__(self, code: int, why: str) -> None:
        """`code` 2: no such register, 3: not allowed."""
        super().__init__(why)
        self.code = code


class Memory:
    """The writable registers and the texts, by address; it reads like a mapping from register names to values.

    Setting a value by name (`memory["cell_overvoltage.trip"] = 3.6`, in station units) asks for nobody's leave, as the
    maker's own tools do. `forgets`: writes are lost at a reset · `ignores`: they are acknowledged and dropped ·
    `wrong_by`: numbers are stored so many counts off.
    """

    def __init__(self, protocol: Protocol, parameters: Mapping[int, int], texts: Mapping[str, str]) -> None:
        """A word for every writable number, texts by register name; raises ValueError if a word is missing."""
        self.forgets = False
        self.ignores = False
        self.wrong_by = 0
        self._protocol = protocol
        self._numbers = [each for each in protocol.by_name.values() if each.writable and each.type != "text"]
        if missing := [each.name for each in self._numbers if each.address not in parameters]:
            raise ValueError(f"no word for {', '.join(missing)}")
        self.words = {each.address: parameters[each.address] & 0xFFFF for each in self._numbers}
        for each in (each for each in protocol.by_name.values() if each.type == "text"):
            self.words.update(enumerate(each.encode(texts.get(each.name, "")), each.address))
        self._stored = dict(self.words)
        self.values = self._decoded(self.words)
        """The numbers in station units, by name."""

    def reload(self) -> None:
        """Take everything from what survives a reset."""
        self.words = dict(self._stored)
        self.values = self._decoded(self.words)

    def __contains__(self, name: object) -> bool:
        """Whether there is a number or text of that name."""
        return name in self._protocol.by_name and self._protocol.by_name[str(name)].address in self.words

    def __getitem__(self, name: str) -> Value:
        """The value of that name; texts without their padding."""
        register = self._protocol.by_name[name]
        return register.decode(_words(register, self.words))

    def __setitem__(self, name: str, value: Value) -> None:
        """Store a value, whatever it is; raises NotEncodable if it does not fit its register."""
        register = self._protocol.by_name[name]
        new = dict(enumerate(register.encode(value), register.address))
        self._stored.update(new)
        self._take(new)

    def write(self, address: int, words: Sequence[int]) -> None:
        """Take the words of one frame, or none of them; raises Refused."""
        new = dict(enumerate(words, address))
        registers = {register.name: register for register in map(self._writable, new)}
        changed = {**self.words, **new}
        for register in registers.values():
            _check(register, _words(register, changed))
        if wrong := violations(self._decoded(changed)):
            raise Refused(ILLEGAL_VALUE, "; ".join(wrong))
        if not self.ignores:
            self._keep({at: self._spoilt(at, word) for at, word in new.items()})

    def _keep(self, new: Mapping[int, int]) -> None:
        if not self.forgets:
            self._stored.update(new)
        self._take(new)

    def _take(self, new: Mapping[int, int]) -> None:
        self.words.update(new)
        self.values = self._decoded(self.words)

    def _spoilt(self, address: int, word: int) -> int:
        is_text = self._protocol.by_address[address].type == "text"
        return word if is_text else (word + self.wrong_by) & 0xFFFF

    def _writable(self, address: int) -> Register:
        register = self._protocol.by_address.get(address)
        if register is not None and register.writable:
            return register
        if register is None and not any(address in span for span in self._protocol.reserved):
            raise Refused(ILLEGAL_ADDRESS, f"there is no register {address}")
        raise Refused(ILLEGAL_VALUE, f"register {address} is not to be written")

    def _decoded(self, words: Mapping[int, int]) -> dict[str, float]:
        return {each.name: float(cast(float, each.decode((words[each.address],)))) for each in self._numbers}


def _words(register: Register, words: Mapping[int, int]) -> list[int]:
    return [words[at] for at in range(register.address, register.end)]


def _check(register: Register, words: Sequence[int]) -> None:
    """Refuse what the firmware does not take for this register, whatever the others are."""
    value = register.decode(words)
    if isinstance(value, float):
        low, high = ACCEPTS.get(register.name) or ACCEPTS.get(register.name.partition(".")[0]) or (-inf, inf)
        fits = low - 1e-9 <= value <= high + 1e-9 and round(value / register.step) in register.raw
    else:
        fits = all(byte in _TEXT_BYTES for word in words for byte in divmod(word, 256))
    if not fits:
        raise Refused(ILLEGAL_VALUE, f"{register.name} does not take {value!r}")
