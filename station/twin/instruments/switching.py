"""The relays of a switch unit, and what it means for one to be stuck."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Generator, Iterable

from station.twin.scpi import Channels, Command, Optional, Quantity, nr1_signed

SETTLING = 0.008
"""Seconds a relay needs to move and stop bouncing (engineering judgement: 5 ms to 10 ms)."""


class Relays:
    """Relays that are told to close and open. `stuck` says of one, by its number, that it is "closed" or "open".

    The unit believes in its orders: ROUTe:CLOSe? tells what was ordered, `closed` what is.
    """

    def __init__(self, known: Collection[int], fit: Collection[int], moved: Callable[[], None]) -> None:
        """All open; `moved` is called whenever an order was carried out."""
        self.stuck = dict.fromkeys(map(str, fit), "")
        self._known, self._fit, self._moved = known, fit, moved
        self._ordered: frozenset[int] = frozenset()
        self._moving = 0
        self._told: frozenset[int] = frozenset()
        self._cycles: Counter[int] = Counter()

    @property
    def closed(self) -> frozenset[int]:
        """The relays that are really closed."""
        stuck = [(int(number), state) for number, state in self.stuck.items() if state]
        return self._ordered.difference(each for each, _ in stuck).union(
            each for each, state in stuck if state == "closed"
        )

    def settle(self) -> None:
        """Tell of relays that have moved on their own."""
        if self.closed != self._told:
            self._tell()

    def _tell(self) -> None:
        self._told = self.closed
        self._moved()

    def order(self, closed: Collection[int]) -> None:
        """Have exactly these closed."""
        self._cycles.update(set(closed) - self._ordered)
        self._ordered = frozenset(closed)
        self._tell()

    def commands(self) -> Iterable[Command]:
        """ROUTe:CLOSe, ROUTe:OPEN and what asks for them."""
        channels = Channels(self._known, self._fit)
        slot = Quantity(1, 300, 1, decimals=0, words={"ALL": 0.0})
        yield Command("ROUTe:CLOSe", self._close, channels)
        yield Command("ROUTe:CLOSe:EXCLusive", self._close_only, channels)
        yield Command("ROUTe:OPEN", self._open, channels)
        yield Command("ROUTe:OPEN:ALL", self._open_slot, Optional(slot))
        yield Command("ROUTe:CLOSe?", lambda listed: self._states(listed, "0", "1"), channels)
        yield Command("ROUTe:OPEN?", lambda listed: self._states(listed, "1", "0"), channels)
        yield Command("DIAGnostic:RELay:CYCLes?", self._counts, channels)
        yield Command("DIAGnostic:RELay:CYCLes:CLEar", self._forget, channels)
        yield Command("ROUTe:DONE?", lambda: str(int(self._moving == 0)))

    def _counts(self, channels: tuple[int, ...]) -> str:
        """How often each relay was told to close since it was last cleared."""
        return ",".join(nr1_signed(self._cycles[channel]) for channel in channels)

    def _forget(self, channels: tuple[int, ...]) -> None:
        for channel in channels:
            del self._cycles[channel]

    def _close(self, channels: tuple[int, ...]) -> Generator[float, None, None]:
        yield from self._settle()
        self.order(self._ordered.union(channels))

    def _close_only(self, channels: tuple[int, ...]) -> Generator[float, None, None]:
        slots = {channel // 100 for channel in channels}
        yield from self._settle()
        self.order({channel for channel in self._ordered if channel // 100 not in slots}.union(channels))

    def _open(self, channels: tuple[int, ...]) -> Generator[float, None, None]:
        yield from self._settle()
        self.order(self._ordered.difference(channels))

    def _open_slot(self, slot: float | None) -> Generator[float, None, None]:
        number = int(slot or 0) // (100 if slot and slot >= 100 else 1)
        yield from self._settle()
        self.order({channel for channel in self._ordered if number and channel // 100 != number})

    def _settle(self) -> Generator[float, None, None]:
        self._moving += 1
        try:
            yield SETTLING
        finally:
            self._moving -= 1

    def _states(self, channels: tuple[int, ...], opened: str, closed: str) -> str:
        return ",".join(closed if channel in self._ordered else opened for channel in channels)
