"""A serial port that vanishes and comes back: the station goes on only where the pack on it proves to be the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from station.bms.errors import BmsError
from station.clock import Clock
from station.wires.errors import ConnectionLost

PATIENCE = 3.0
"""Seconds within which a port must be back; a computer that counts its USB ports anew takes one or two."""
LOOK_EVERY = 0.1
"""Seconds between two looks."""


class Reopens(Protocol):
    """A wire that can be opened again."""

    def reopen(self) -> None:
        """Open it; raises ConnectionLost."""
        ...


class Comeback:
    """What is done about a lost port; until it is proven to lead to the same pack, nothing else is said on it."""

    def __init__(
        self, wire: Reopens, clock: Clock, pause: Callable[[float], None], prove: Callable[[], None] | None
    ) -> None:
        """`prove()` asks the pack who it is; it raises BmsError where that is not who it was, or where nobody knows."""
        self._wire, self._clock, self._pause, self._prove = wire, clock, pause, prove
        self._lost = ""
        self._proving = False

    def see(self) -> None:
        """Raises ConnectionLost while a port that was lost has not been proven since."""
        if self._lost and not self._proving:
            raise ConnectionLost(self._lost)

    def wait(self, lost: ConnectionLost) -> None:
        """Wait for the port and prove the pack; raises ConnectionLost with what to do where one of them fails."""
        if self._prove is None or self._proving:
            raise lost
        self._lost = str(lost)
        self._reopen()
        self._proving = True
        try:
            self._prove()
        except (BmsError, ConnectionLost) as doubt:
            raise ConnectionLost(
                f"{self._lost}; it came back, but not surely with the same pack: {doubt}; test the pack again"
            ) from None
        finally:
            self._proving = False
        self._lost = ""

    def _reopen(self) -> None:
        until = self._clock.now() + PATIENCE
        while True:
            try:
                return self._wire.reopen()
            except ConnectionLost:
                if self._clock.now() >= until:
                    raise ConnectionLost(
                        f"{self._lost}; it did not come back within {PATIENCE:g} s: plug its adapter in"
                    ) from None
            self._pause(LOOK_EVERY)
