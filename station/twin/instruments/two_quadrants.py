"""An output that can feed and draw, as bidirectional sources have it: a supply and a load at one pair of posts."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from numpy.random import Generator as Rng

from station.twin.instruments.metering import Meter, calibrated
from station.twin.scpi import Command
from station.twin.terminals import SinkTerminals, SourceTerminals

MOST_DROP = 5.0
"""V that remote sensing makes up for at most (engineering judgement)."""
Form = Callable[[float], str]
"""How a box writes a number."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What a box with two quadrants wants: feed up to `feed` A while below `voltage`, draw up to `draw` A while above.

    V, A, W, A/s, V/s, S; `slew` is that of the drawn current, `climb` that of the fed voltage, and `conductance` bounds
    what is drawn as a resistor would. `remote`: the voltage is that at the sense leads, not at the box.
    """

    on: bool
    voltage: float
    feed: float
    draw: float
    feed_power: float
    draw_power: float
    slew: float = math.inf
    climb: float = math.inf
    conductance: float = math.inf
    remote: bool = False


@dataclass(slots=True)
class Quadrants:
    """An output that can feed and draw: one pair of posts, which the circuit knows as a supply beside a load.

    Currents are positive when they leave the box. A fault may change gain, offset and noise of both meters.
    """

    source: SourceTerminals
    sink: SinkTerminals
    voltmeter: Meter
    ammeter: Meter
    remote: bool = False
    wanted: float = 0.0

    @property
    def true_volts(self) -> float:
        """What is at the posts, or where the sense leads lie."""
        return self.source.sensed_voltage if self.remote else self.source.terminal_voltage

    @property
    def true_amperes(self) -> float:
        """What flows through the posts."""
        return self.source.terminal_current - self.sink.terminal_current

    @property
    def true_watts(self) -> float:
        """What leaves the box."""
        return self.true_volts * self.true_amperes

    def volts(self) -> float:
        """What the box measures, V."""
        return self.voltmeter.read(self.true_volts)

    def amperes(self) -> float:
        """What the box measures, A."""
        return self.ammeter.read(self.true_amperes)

    def watts(self) -> float:
        """What the box measures, W."""
        return self.volts() * self.amperes()

    def measured(self, verb: str, volts: Form, amperes: Form, watts: Form) -> Iterable[Command]:
        """What asks for voltage, current and power, each in the maker's format."""
        yield Command(f"{verb}[:SCALar]:VOLTage[:DC]?", lambda: volts(self.volts()))
        yield Command(f"{verb}[:SCALar]:CURRent[:DC]?", lambda: amperes(self.amperes()))
        yield Command(f"{verb}[:SCALar]:POWer[:DC]?", lambda: watts(self.watts()))

    def drive(self, offer: Offer) -> None:
        """Carry what the box wants to the terminals."""
        source, sink, self.remote = self.source, self.sink, offer.remote
        before, self.wanted = self.wanted, self.voltmeter.drive(offer.voltage)
        source.voltage = self._at(source.terminal_voltage)
        source.on, source.slew_voltage = offer.on, offer.climb
        source.current, source.power = self.ammeter.drive(offer.feed), offer.feed_power
        sink.voltage = self._at(sink.terminal_voltage)
        sink.slew_rise, sink.slew_fall = offer.slew, offer.slew
        volts = max(sink.terminal_voltage, 1.0)
        most = min(offer.draw, offer.draw_power / volts, offer.conductance * volts)
        sink.current = self.ammeter.drive(most)
        sink.on, sink.mode = self._drawing(offer.on and most > 0, lowered=self.wanted < before)

    def _at(self, terminal: float) -> float:
        """What to hold at the box for what is wanted: with remote sense also what the leads took off a step ago."""
        if not (self.remote and self.source.on and self.wanted > 0):
            return self.wanted
        return self.wanted + min(MOST_DROP, max(-MOST_DROP, terminal - self.source.sensed_voltage))

    def _drawing(self, allowed: bool, *, lowered: bool) -> tuple[bool, Literal["CC", "CV"]]:
        """Whether the box draws, and what it regulates: its greatest current, or the voltage once that has come down.

        It never begins with the voltage, since the first step would know no bound for the current.
        """
        sink = self.sink
        over, flows = sink.terminal_voltage - sink.voltage, sink.on and sink.terminal_current > 0
        if not allowed or (over <= 0 and not flows):
            return False, "CC"
        if not flows or lowered or sink.terminal_current > sink.current:
            return True, "CC"
        return True, "CV" if over < 0 or sink.mode == "CV" else "CC"


def quadrants(rng: Rng, source: SourceTerminals, sink: SinkTerminals, volts: float, amperes: float) -> Quadrants:
    """The output of a box rated `volts` and `amperes`, as the calibration laboratory returns it."""
    return Quadrants(
        source,
        sink,
        calibrated(rng, resolution=volts / 2**16, gain=0.0005, offset=0.0005 * volts),
        calibrated(rng, resolution=amperes / 2**16, gain=0.001, offset=0.001 * amperes),
    )
