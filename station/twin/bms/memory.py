"""What the BMS remembers: settings and texts, in words that survive a reset, and the rules by which it takes new ones.

The PACE document leaves open what happens to a write that is not allowed. As delivered here: a register that is
reserved or read-only, a value outside the range that PbmsTools accepts, or a set of thresholds in the wrong order is
refused with exception 3; a register beyond the map with exception 2. All words of a frame are judged together, and a
refused frame changes nothing. Firmware that does otherwise is a setting of `Memory`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil, floor, inf
from typing import Literal, cast

from station.model.limits import Range
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
"""V, A, degC, s, %: the ranges of the maker's tool PbmsTools for 15 cells; a full name goes before its family's."""


class Refused(Exception):
    """A request that the BMS answers with a Modbus exception."""

    def __init__(self, code: int, why: str) -> None:
        """`code` 2: no such register, 3: not allowed."""
        super().__init__(why)
        self.code = code


class Memory:
    """The writable registers and the texts, by address; it reads like a mapping from register names to values.

    Setting a value by name (`memory["cell_overvoltage.trip"] = 3.6`, in station units) asks for nobody's leave, as the
    maker's own tools do. `lowest` and `highest` say what it accepts, by the names of `ACCEPTS`; a number beyond is
    `refused`, `clipped` or `taken` (`out_of_range`); not `ordered`: thresholds in any order · `read_only_code`: the
    exception for a register that is not to be written · `locked_by_protection`: nothing is taken while one stands.
    Faults: `forgets`: writes are lost at a reset · `ignores`: they are acknowledged and dropped · `wrong_by`: numbers
    are stored so many counts off.
    """

    def __init__(self, protocol: Protocol, parameters: Mapping[int, int], texts: Mapping[str, str]) -> None:
        """A word for every writable number, texts by register name; raises ValueError if a word is missing."""
        self.lowest = {name: low for name, (low, _) in ACCEPTS.items()}
        self.highest = {name: high for name, (_, high) in ACCEPTS.items()}
        self.out_of_range: Literal["refused", "clipped", "taken"] = "refused"
        self.ordered = True
        self.read_only_code = ILLEGAL_VALUE
        self.locked_by_protection = False
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
        self._stored, self._delivered = dict(self.words), dict(self.words)
        self.values = self._decoded(self.words)
        """The numbers in station units, by name."""

    def accept(self, ranges: Mapping[str, Range]) -> None:
        """Take from now on what a firmware of another product takes, by the names of `ACCEPTS`, in station units.

        What a board was delivered with, its firmware takes in any case.
        """
        self.lowest.update({name: each.low for name, each in ranges.items() if each.low is not None})
        self.highest.update({name: each.high for name, each in ranges.items() if each.high is not None})
        for name, value in self.values.items():
            if name in ACCEPTS:
                self.lowest[name], self.highest[name] = min(self.lowest[name], value), max(self.highest[name], value)

    def reload(self) -> None:
        """Take everything from what survives a reset."""
        self.words = dict(self._stored)
        self.values = self._decoded(self.words)

    def restore_defaults(self) -> None:
        """Store the numbers that the board was delivered with (PACE ASCII, command A4)."""
        self._keep({each.address: self._delivered[each.address] for each in self._numbers})

    def __contains__(self, name: object) -> bool:
        """Whether there is a number or text of that name."""
        return name in self._protocol.by_name and self._protocol.by_name[str(name)].address in self.words

    def __getitem__(self, name: str) -> Value:
        """The value of that name; texts without their padding."""
        register = self._protocol.by_name[name]
        return register.decode(_words(register, self.words))

    def unit(self, name: str) -> str:
        """The unit of a number, `text` for a text."""
        return self._protocol.by_name[name].unit or "text"

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
            fit = self._fit(register, _words(register, changed))
            new.update((at, word) for at, word in enumerate(fit, register.address) if at in new)
        if self.ordered and (wrong := violations(self._decoded({**self.words, **new}))):
            raise Refused(ILLEGAL_VALUE, "; ".join(wrong))
        if not self.ignores:
            self._keep({at: self._spoilt(at, word) for at, word in new.items()})

    def _fit(self, register: Register, words: Sequence[int]) -> Sequence[int]:
        """The words as it takes them for this register, whatever the others are; raises Refused."""
        value = register.decode(words)
        if not isinstance(value, float):
            if all(byte in _TEXT_BYTES for word in words for byte in divmod(word, 256)):
                return words
            raise Refused(ILLEGAL_VALUE, f"{register.name} does not take {value!r}")
        low, high = self._range(register)
        if self.out_of_range == "taken" or low <= round(value / register.step) <= high:
            return words
        if self.out_of_range == "clipped":
            return register.encode(min(max(value, low * register.step), high * register.step))
        raise Refused(ILLEGAL_VALUE, f"{register.name} does not take {value:g} {register.unit}")

    def _range(self, register: Register) -> tuple[int, int]:
        """The counts from and to which a number is accepted."""
        family = register.name.partition(".")[0]
        low = self.lowest.get(register.name, self.lowest.get(family, -inf)) / register.step
        high = self.highest.get(register.name, self.highest.get(family, inf)) / register.step
        return ceil(max(low - 1e-6, register.raw[0])), floor(min(high + 1e-6, register.raw[-1]))

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
        raise Refused(self.read_only_code, f"register {address} is not to be written")

    def _decoded(self, words: Mapping[int, int]) -> dict[str, float]:
        return {each.name: float(cast(float, each.decode((words[each.address],)))) for each in self._numbers}


def _words(register: Register, words: Mapping[int, int]) -> list[int]:
    return [words[at] for at in range(register.address, register.end)]
