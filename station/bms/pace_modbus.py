"""The BMS over Modbus, by the names of its register map: few frames, every answer checked, every write read back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from station.bms.errors import BmsError, NotStored, PackRefused
from station.bms.identity import Identity
from station.bms.line import TRIES, Line, LineStatistics, Wire
from station.clock import Clock
from station.codecs.modbus import Read, Write
from station.model.protocol import Protocol, Register, Value

SENSORS_APART = 2.0
"""Kelvin between the cells of a pack from which one of them or its sensor is wrong; a test warms them by a tenth."""


@dataclass(frozen=True, slots=True)
class Readings:
    """One look at the whole data block; the current (A) is positive while charging."""

    current: float
    pack_voltage: float
    soc: float
    soh: float
    remaining_capacity: float
    full_capacity: float
    design_capacity: float
    cycles: float
    warning: frozenset[str]
    protection: frozenset[str]
    status: frozenset[str]
    balancing: frozenset[str]
    cell_voltages: tuple[float, ...]
    cell_temperatures: tuple[float, ...]
    mosfet_temperature: float
    ambient_temperature: float

    @property
    def sensors_agree(self) -> bool:
        """Whether the cells are as warm as one another, as a room and a current make them; one apart is a fault."""
        return max(self.cell_temperatures) - min(self.cell_temperatures) <= SENSORS_APART


_TEMPERATURES = tuple(f"cell_temperature_{number}" for number in range(1, 5))


class PaceModbus:
    """A client of one BMS on one line (PACE Modbus V1.3: functions 03 and 10h only)."""

    def __init__(
        self,
        wire: Wire,
        protocol: Protocol,
        address: int,
        clock: Clock,
        pause: Callable[[float], None] | None = None,
        *,
        cells: int,
    ) -> None:
        """Talk to the device `address`, a pack of `cells` cells; `pause` lets the gap between two frames pass."""
        if address not in protocol.addresses:
            raise ValueError(f"address {address} is outside {protocol.addresses[0]} to {protocol.addresses[-1]}")
        self.address = address
        self._protocol = protocol
        self._line = Line(wire, protocol, clock, pause, lambda: self._identity.prove(self._text))
        self._identity = Identity()
        end = protocol.by_name["ambient_temperature"].end
        self._data_block = tuple(name for name, each in protocol.by_name.items() if each.end <= end)
        self._cells = tuple(f"cell_voltage_{number}" for number in range(1, cells + 1))

    @property
    def statistics(self) -> LineStatistics:
        """How the line has behaved so far."""
        return self._line.statistics

    def read_words(self, first: int, count: int) -> tuple[int, ...]:
        """Raw registers, 1 to 125 of them; raises PackSilent, DamagedAnswer, WrongAnswer or PackRefused."""
        return self._line.ask(Read(self.address, first, count))

    def read(self, names: Iterable[str]) -> dict[str, Value]:
        """Values in station units by register name, in as few frames as the map allows."""
        wanted = [self._protocol.by_name[name] for name in names]
        words: dict[int, int] = {}
        for first, end in self._blocks(wanted):
            words |= zip(range(first, end), self.read_words(first, end - first), strict=True)
        return {each.name: each.decode([words[at] for at in range(each.address, each.end)]) for each in wanted}

    def readings(self) -> Readings:
        """The whole data block in one frame."""
        values = self.read(self._data_block)
        number = {name: value for name, value in values.items() if isinstance(value, float)}
        flags = {name: value for name, value in values.items() if isinstance(value, frozenset)}
        return Readings(
            current=number["current"],
            pack_voltage=number["pack_voltage"],
            soc=number["soc"],
            soh=number["soh"],
            remaining_capacity=number["remaining_capacity"],
            full_capacity=number["full_capacity"],
            design_capacity=number["design_capacity"],
            cycles=number["cycles"],
            warning=flags["warning"],
            protection=flags["protection"],
            status=flags["status"],
            balancing=flags["balancing"],
            cell_voltages=tuple(number[name] for name in self._cells),
            cell_temperatures=tuple(number[name] for name in _TEMPERATURES),
            mosfet_temperature=number["mosfet_temperature"],
            ambient_temperature=number["ambient_temperature"],
        )

    def parameters(self) -> dict[int, int]:
        """Every threshold and setting as raw words by address, fit to be kept and written back."""
        settings = [each for each in self._protocol.by_name.values() if each.writable and each.type != "text"]
        addresses = sorted(each.address for each in settings)
        words: dict[int, int] = {}
        for first, end in self._blocks(settings):
            words |= zip(range(first, end), self.read_words(first, end - first), strict=True)
        return {address: words[address] for address in addresses}

    def text(self, name: str) -> str:
        """A text such as `version`, without its padding."""
        return self._identity.keep(name, self._text(name))

    def write(self, values: Mapping[str, Value]) -> None:
        """Store values in station units and read them back, neighbours in one frame.

        Raises NotEncodable before anything is sent, NotStored where the pack kept something else, and as a read does.
        """
        words: dict[int, int] = {}
        for name, value in values.items():
            register = self._protocol.by_name[name]
            words |= zip(range(register.address, register.end), register.encode(value), strict=True)
        self.write_words(words)

    def write_text(self, name: str, text: str) -> None:
        """Store a text such as `pack_sn` and read it back."""
        self.write({name: text})
        self._identity.keep(name, text.rstrip())

    def write_words(self, words: Mapping[int, int]) -> None:
        """Store raw words by address, as `parameters` returned them, and read them back; raises as `write` does."""
        runs = list(_runs(sorted(words), self._protocol.functions.write.at_most))
        for run in runs:
            if not self._protocol.is_writable(run[0], len(run)):
                raise ValueError(f"registers {run[0]} to {run[-1]} cannot be written")
        for run in runs:
            self._store(run[0], tuple(words[address] for address in run))

    def _text(self, name: str) -> str:
        return str(self.read([name])[name])

    def _store(self, first: int, words: tuple[int, ...]) -> None:
        """Write, and read back before anything else: a write that was not answered may have been carried out."""
        for attempt in range(TRIES):
            self.statistics.repeated += attempt > 0
            doubt = self._write_once(Write(self.address, first, words))
            stored = self.read_words(first, len(words))
            if stored == words:
                return
            if doubt is None:
                raise self._not_stored(first, words, stored)
        assert doubt is not None
        raise doubt

    def _write_once(self, request: Write) -> BmsError | None:
        try:
            self._line.ask(request, tries=1)
        except PackRefused:
            raise
        except BmsError as doubt:
            return doubt
        return None

    def _not_stored(self, first: int, wrote: tuple[int, ...], read: tuple[int, ...]) -> NotStored:
        at = first + next(i for i, pair in enumerate(zip(wrote, read, strict=True)) if pair[0] != pair[1])
        register = self._protocol.by_address[at]
        part = slice(register.address - first, register.end - first)
        if len(wrote[part]) != register.words:
            return NotStored(f"register {at}", float(wrote[at - first]), float(read[at - first]))
        return NotStored(register.name, register.decode(wrote[part]), register.decode(read[part]))

    def _blocks(self, registers: Iterable[Register]) -> Iterator[tuple[int, int]]:
        """First address and end of each frame that covers the registers: a frame costs more than the words it skips."""
        at_most = self._protocol.functions.read.at_most
        block: tuple[int, int] | None = None
        for each in sorted(registers, key=lambda register: register.address):
            if block is not None and each.end - block[0] <= at_most and self._bridged(block[1], each.address):
                block = (block[0], max(block[1], each.end))
                continue
            if block is not None:
                yield block
            block = (each.address, each.end)
        if block is not None:
            yield block

    def _bridged(self, first: int, end: int) -> bool:
        return all(self._protocol.is_bridged(address) for address in range(first, end))


def _runs(addresses: list[int], at_most: int) -> Iterator[list[int]]:
    """Neighbouring addresses together, `at_most` of them."""
    run: list[int] = []
    for address in addresses:
        if run and (address != run[-1] + 1 or len(run) == at_most):
            yield run
            run = []
        run.append(address)
    if run:
        yield run
