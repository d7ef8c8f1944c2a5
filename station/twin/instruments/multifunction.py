"""The DAQM907A multifunction module: two 8-bit digital ports, a totalizer, two analogue outputs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence

from station.twin.scpi import Channels, Choice, Command, Parameter, Quantity, nr1_signed, nr3, require

_BYTE, _WORD, _BIT = 255, 65535, 7


class Multifunction:
    """The module's channels: ports at `first` and the next, totalizer at `first` + 2, outputs (V) at + 3 and + 4.

    A port is an input until it is written to. `outputs` has the bytes of the ports that drive, `counts` the totalizer,
    `volts` the analogue outputs; `moved` is called whenever an output changes. Nothing is wired to the totalizer: its
    `slope` and `threshold` are kept.
    """

    def __init__(
        self, first: int, known: Collection[int], inputs: Callable[[int], int], moved: Callable[[], None]
    ) -> None:
        """Power up with both ports as inputs and everything at 0."""
        self.ports = (first, first + 1)
        self.counter = first + 2
        self.outputs: dict[int, int] = {}
        self.counts = 0
        self.volts = {first + 3: 0.0, first + 4: 0.0}
        self.slope, self.threshold = Choice(("POSitive", "NEGative")), Choice(("TTL", "AC"))
        self._known, self._inputs, self._moved = known, inputs, moved

    def reset(self) -> None:
        """Ports back to input, outputs and counter to 0."""
        self.outputs.clear()
        self.counts = 0
        self.volts = dict.fromkeys(self.volts, 0.0)
        self.slope.reset()
        self.threshold.reset()
        self._moved()

    def read(self, port: int) -> int:
        """The byte at the pins of a port: what drives it, be it the port itself."""
        return self.outputs.get(port, self._inputs(port)) & _BYTE

    def commands(self) -> Iterable[Command]:
        """SOURce and SENSe of ports, totalizer and analogue outputs."""
        ports, low = self._named(self.ports), self._named(self.ports[:1])
        counter, dacs = self._named((self.counter,)), self._named(tuple(self.volts))
        byte, word, bit = Quantity(0, _BYTE, 0), Quantity(0, _WORD, 0), Quantity(0, _BIT, 0)
        yield Command("SOURce:DIGital:DATA[:BYTE]", self._write, byte, ports)
        yield Command("SOURce:DIGital:DATA:WORD", self._write_word, word, low)
        yield Command("SOURce:DIGital:DATA:BIT", self._write_bit, Quantity(0, 1, 0), bit, ports)
        yield Command("SOURce:DIGital:DATA[:BYTE]?", lambda listed: _integers(map(self._driven, listed)), ports)
        yield Command("SOURce:DIGital:DATA:WORD?", lambda _listed: nr1_signed(self._driven_word()), low)
        yield Command("SOURce:DIGital:DATA:BIT?", self._driven_bit, bit, ports)
        yield Command("SOURce:DIGital:STATe?", lambda listed: _flags(port in self.outputs for port in listed), ports)
        yield Command("[SENSe:]DIGital:DATA[:BYTE]?", lambda listed: _integers(map(self.read, listed)), ports)
        yield Command("[SENSe:]DIGital:DATA:WORD?", lambda _listed: nr1_signed(self._word()), low)
        yield Command("[SENSe:]DIGital:DATA:BIT?", self._read_bit, bit, ports)
        yield Command("CONFigure:DIGital:DIRection", self.direct, Choice(("INPut", "OUTPut")), ports)
        yield Command("CONFigure:DIGital:DIRection?", self._directions, ports)
        for node, setting in (("SLOPe", self.slope), ("THReshold:MODE", self.threshold)):
            yield Command(
                f"[SENSe:]TOTalize:{node}",
                lambda word, _, setting=setting: setattr(setting, "value", word),
                setting,
                counter,
            )
            yield Command(f"[SENSe:]TOTalize:{node}?", lambda _, setting=setting: setting.value, counter)
        yield Command("[SENSe:]TOTalize:DATA?", lambda _listed: nr3(self.counts), counter)
        yield Command("[SENSe:]TOTalize:CLEar:IMMediate", self._clear_counts, counter)
        yield Command("SOURce:VOLTage[:LEVel]", self._drive, Quantity(-12, 12, 0, "V"), dacs)
        yield Command("SOURce:VOLTage[:LEVel]?", lambda listed: _reals(self.volts[dac] for dac in listed), dacs)

    def _named(self, fit: Sequence[int]) -> Parameter:
        return Channels(self._known, fit)

    def _word(self) -> int:
        low, high = self.ports
        return self.read(low) | self.read(high) << 8

    def _driven(self, port: int) -> int:
        return self.outputs.get(port, 0)

    def _write(self, value: float, ports: Iterable[int]) -> None:
        self.outputs.update(dict.fromkeys(ports, round(value)))
        self._moved()

    def _write_word(self, value: float, _ports: Iterable[int]) -> None:
        low, high = self.ports
        self.outputs |= {low: round(value) & _BYTE, high: round(value) >> 8}
        self._moved()

    def _write_bit(self, value: float, bit: float, ports: Iterable[int]) -> None:
        mask = 1 << round(bit)
        for port in ports:
            self.outputs[port] = self._driven(port) & ~mask | mask * round(value)
        self._moved()

    def _driven_word(self) -> int:
        low, high = self.ports
        return self._driven(low) | self._driven(high) << 8

    def _driven_bit(self, bit: float, ports: Iterable[int]) -> str:
        return _integers(self._driven(port) >> round(bit) & 1 for port in ports)

    def _directions(self, ports: Iterable[int]) -> str:
        return ",".join("OUTP" if port in self.outputs else "INP" for port in ports)

    def _read_bit(self, bit: float, ports: Iterable[int]) -> str:
        return _integers(self.read(port) >> round(bit) & 1 for port in ports)

    def direct(self, direction: str, ports: Iterable[int]) -> None:
        """Make ports inputs (`INP`) or outputs, which drive what was last written or else 0."""
        for port in ports:
            if direction == "INP":
                self.outputs.pop(port, None)
            else:
                self.outputs.setdefault(port, 0)
        self._moved()

    def _clear_counts(self, _channels: Iterable[int]) -> None:
        self.counts = 0

    def _drive(self, value: float, dacs: Iterable[int]) -> None:
        self.volts.update(dict.fromkeys(dacs, value))
        self._moved()

    def sample(self, channel: int) -> float:
        """One reading of a port or the totalizer within a scan; raises 303 for an output."""
        require(channel not in self.volts, 303)
        return self.counts if channel == self.counter else self.read(channel)


def _integers(values: Iterable[int]) -> str:
    return ",".join(map(nr1_signed, values))


def _reals(values: Iterable[float]) -> str:
    return ",".join(map(nr3, values))


def _flags(values: Iterable[bool]) -> str:
    return ",".join("1" if value else "0" for value in values)
