"""How an instrument sees a quantity: with a gain error, an offset, noise, and no finer than its resolution."""

from __future__ import annotations

from dataclasses import dataclass

from numpy.random import Generator


@dataclass(slots=True)
class Meter:
    """A measuring channel in the unit of its quantity; a fault may change gain, offset and noise (rms).

    The same channel is the feedback of a supply or load, which therefore makes its reading right, not the true value.
    What is set is missed by `set_gain` and `set_offset`, which the reading shows; `frozen` repeats the last reading.
    """

    rng: Generator
    resolution: float
    gain: float = 1.0
    offset: float = 0.0
    noise: float = 0.0
    set_gain: float = 1.0
    set_offset: float = 0.0
    frozen: bool = False
    last: float | None = None

    def read(self, true: float) -> float:
        """What the instrument reports for a true value."""
        if self.last is None or not self.frozen:
            seen = true * self.gain + self.offset + self.rng.normal(0.0, self.noise)
            self.last = round(seen / self.resolution) * self.resolution
        return self.last

    def drive(self, wanted: float) -> float:
        """The true value at which this channel reads what is wanted, but for what the setting misses; 0 stays 0."""
        aimed = wanted * self.set_gain + self.set_offset
        return max(0.0, (aimed - self.offset) / self.gain) if wanted > 0 else 0.0


def calibrated(rng: Generator, *, resolution: float, gain: float, offset: float) -> Meter:
    """A meter as the calibration laboratory returns it, with specified gain and offset errors at most that large.

    The gain error is somewhere within half of its specification, the offset, which is nulled, within a twentieth.
    """
    gain_error, offset_error = rng.uniform(-0.5, 0.5), rng.uniform(-0.05, 0.05)
    return Meter(rng, resolution, 1.0 + gain * gain_error, offset * offset_error, resolution / 2)
