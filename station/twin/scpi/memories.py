"""Places where *SAV keeps how an instrument is set, and from where *RCL takes it (IEEE 488.2, 10.29 and 10.33)."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from station.twin.scpi.tree import Command
from station.twin.scpi.values import Quantity


class Memories:
    """The places of one instrument, which its *RST leaves alone. A place where nothing was kept has the defaults.

    `keep` tells what puts the present settings back.
    """

    def __init__(self, places: range, keep: Callable[[], Callable[[], None]], reset: Callable[[], None]) -> None:
        """All places empty; a number beyond them is -222."""
        self._place = Quantity(places.start, places.stop - 1, places.start, decimals=0)
        self._keep, self._reset = keep, reset
        self._kept: dict[float, Callable[[], None]] = {}

    def commands(self) -> Iterable[Command]:
        """*SAV and *RCL."""
        yield Command("*SAV", self._save, self._place)
        yield Command("*RCL", self._recall, self._place)

    def _save(self, place: float) -> None:
        self._kept[place] = self._keep()

    def _recall(self, place: float) -> None:
        self._reset()
        self._kept.get(place, lambda: None)()
