"""The emergency stop chain as a guard sees it. The chain is hard-wired and needs no software; this only reads it."""

from __future__ import annotations

from station.bench import OpenBench, Wiring
from station.clock import DeadlineExceeded
from station.guard._words import Reply
from station.instruments.errors import RoleError
from station.wires.errors import WireError

LOOK_EVERY = 0.25
"""Seconds between two looks."""
LOOK_WITHIN = 0.4
"""Seconds for one look, so that it never keeps a guard long from what else it watches."""
BLIND = 3.0
"""Seconds after which a chain that cannot be read counts as open; a switch unit may be busy measuring for some."""


class Estop:
    """Asks the switch unit, which serves several clients, over the guard's own connection."""

    def __init__(self, bench: OpenBench) -> None:
        """Nothing is asked yet."""
        self._bench = bench
        self._wiring = Wiring(bench)
        self._seen = self._due = bench.clock.now()

    def look(self) -> Reply | None:
        """What the run must be told now, if anything; asks the switch unit unless it is too early."""
        now = self._bench.clock.now()
        if now < self._due:
            return None
        if now - self._due > BLIND:  # nobody has looked for a while, so nothing was unreadable
            self._seen = now
        told = self._asked()
        self._due = self._bench.clock.now() + LOOK_EVERY
        return told

    def _asked(self) -> Reply | None:
        try:
            with self._bench.scopes.enter("emergency stop chain", LOOK_WITHIN):
                closed = self._wiring.estop_closed()
        except (WireError, RoleError, DeadlineExceeded):
            return Reply.BLIND if self._bench.clock.now() - self._seen > BLIND else None
        self._seen = self._bench.clock.now()
        return None if closed else Reply.ESTOP
