"""An output that can feed and draw, as bidirectional sources have it: a supply and a load at one pair of posts."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from numpy.random import Generator as Rng

from station.twin.instruments.metering import Meter, calibrated
from station.twin.terminals import SinkTerminals, SourceTerminals


@dataclass(frozen=True, slots=True)
class Offer:
    """What a box with two quadrants wants: feed up to `feed` A while below `voltage`, draw up to `draw` A while above.

    V, A, W, A/s; the slew rate is that of the drawn current.
    """

    on: bool
    voltage: float
    feed: float
    draw: float
    feed_power: float
    draw_power: float
    slew: float = math.inf


@dataclass(slots=True)
class Quadrants:
    """An output that can feed and draw: one pair of posts, which the circuit knows as a supply beside a load.

    Currents are positive when they leave the box. A fault may change gain, offset and noise of both meters.
    """

    source: SourceTerminals
    sink: SinkTerminals
    voltmeter: Meter
    ammeter: Meter

    @property
    def true_volts(self) -> float:
        """What is at the posts."""
        return self.source.terminal_voltage

    @property
    def true_amperes(self) -> float:
        """What flows through the posts."""
        return self.source.terminal_current - self.sink.terminal_current

    def volts(self) -> float:
        """What the box measures, V."""
        return self.voltmeter.read(self.true_volts)

    def amperes(self) -> float:
        """What the box measures, A."""
        return self.ammeter.read(self.true_amperes)

    def drive(self, offer: Offer) -> None:
        """Carry what the box wants to the terminals."""
        source, sink = self.source, self.sink
        before, wanted = sink.voltage, self.voltmeter.drive(offer.voltage)
        source.on, source.voltage = offer.on, wanted
        source.current, source.power = self.ammeter.drive(offer.feed), offer.feed_power
        sink.voltage, sink.slew_rise, sink.slew_fall = wanted, offer.slew, offer.slew
        most = min(offer.draw, offer.draw_power / max(sink.terminal_voltage, 1.0))
        sink.current = self.ammeter.drive(most)
        sink.on, sink.mode = self._drawing(offer.on and most > 0, lowered=wanted < before)

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
