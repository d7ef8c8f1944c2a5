"""The watchdogs of a bench: what takes the current away when the station falls silent, with no process left to do it.

Some supplies and loads switch themselves off. For the others a relay beside the switch unit drops the contactor as soon
as its heartbeat stands still. Both live on the progress of the run and on nothing else.
"""

from __future__ import annotations

from contextlib import suppress

from station.bench._open import OpenBench
from station.instruments import DRIVERS
from station.instruments.errors import Tripped
from station.instruments.roles import Watchdog
from station.instruments.unconnected import unconnected
from station.model.bench import Bench, Channel, InstrumentEntry, WiredEntry

PATIENCE = 5.0
"""Seconds of silence after which an instrument switches itself off, and to which the watchdog relay is set.

Longer than the 2 s in which the guard has made the bench safe: this is for the day when there is no guard either.
"""
FEED_EVERY = PATIENCE / 5
"""Seconds between two feeds, so that one may be late or lost."""
ENERGISING = ("load", "supply")
"""The roles that can let a current flow, in the order in which they are switched off."""


def unwatched(bench: Bench, slot: int) -> tuple[str, ...]:
    """Which of supply and load stay on when the station's computer dies: no watchdog of their own, and no heartbeat."""
    roles = bench.roles(slot)
    if _heartbeat(bench, slot) is not None:
        return ()
    boxes = {role: roles[bench.played_by(slot, role)] for role in ENERGISING if role in roles}
    return tuple(role for role, box in boxes.items() if isinstance(box, InstrumentEntry) and not _watches(box, role))


def _heartbeat(bench: Bench, slot: int) -> Channel | None:
    """The output that a watchdog relay listens to."""
    entry = bench.roles(slot).get("watchdog")
    return entry.output if isinstance(entry, WiredEntry) else None


def _watches(box: InstrumentEntry, role: str) -> bool:
    return box.model in DRIVERS and isinstance(unconnected(box.model, role), Watchdog)


class Watchdogs:
    """Arms, feeds and disarms the watchdogs of an open bench. Belongs to the run's thread."""

    def __init__(self, bench: OpenBench) -> None:
        """Nothing is armed, and nothing beats."""
        self._bench = bench
        self._armed: dict[str, Watchdog] = {}
        self._heartbeat = _heartbeat(bench.bench, bench.slot)
        self._level: bool | None = None
        self._beaten = 0.0
        self._fed = bench.clock.now()

    def begin(self) -> None:
        """Let the heartbeat begin, if it does not beat yet: one edge at least, whatever the output was before."""
        if self._level is None:
            self._drive(False)
            self._drive(True)

    def arm(self, role: str) -> bool:
        """Let the bench take the current away by itself; for an output that is prepared and not on yet.

        Says whether the instrument is to be disarmed again: not where it has no watchdog, nor where its box is armed
        already, for something around this. Raises what the instrument raises.
        """
        self.begin()
        box = self._bench.bench.played_by(self._bench.slot, role)
        instrument = getattr(self._bench, role)
        if box in self._armed or not isinstance(instrument, Watchdog):
            return False
        instrument.watchdog(PATIENCE)
        self._armed[box] = instrument
        return True

    def disarm(self, role: str) -> None:
        """Undo `arm`; for an output that was seen to be off, since a watchdog is all that is left for any other."""
        disarm(self._armed.pop(self._bench.bench.played_by(self._bench.slot, role)))

    def feed(self) -> None:
        """Say a word to what is armed, and give the heartbeat another edge if it has begun; raises Tripped where an
        instrument has switched itself off.
        """
        self._fed = self._bench.clock.now()
        for instrument in self._armed.values():
            instrument.feed()
        if self._level is not None:
            self._see_that_relay_holds()
            self._drive(not self._level)

    def feed_if_due(self) -> None:
        """The same for a loop that samples on its own, at the same rate."""
        if self._bench.clock.now() - self._fed >= FEED_EVERY:
            self.feed()

    def _see_that_relay_holds(self) -> None:
        """Raise Tripped if the heart has stood still for too long: the contactor is open, and one more beat may close
        it on a load that is still on.
        """
        stood = self._bench.clock.now() - self._beaten
        if stood > PATIENCE:
            self._level = None
            raise Tripped("watchdog", f"no heartbeat for {stood:.1f} s, so its relay has opened the contactor")

    def rest(self) -> None:
        """Feed nothing any more: the bench comes to the safe state, where no watchdog is needed."""
        self._armed.clear()
        self._level = None

    def _drive(self, level: bool) -> None:
        """Drive the output: a bit of a digital port, which takes no wear, or a relay."""
        channel = self._heartbeat
        if channel is None:
            return
        switch = self._bench.switch
        if channel.bit is not None:
            switch.write_port(channel.number, level << channel.bit)
        else:
            (switch.close if level else switch.open)([channel.number])
        self._level, self._beaten = level, self._bench.clock.now()


def disarm(instrument: object) -> None:
    """Disarm the watchdog of an instrument that has one; what has tripped is off and stays so."""
    if isinstance(instrument, Watchdog):
        with suppress(Tripped):
            instrument.watchdog(0.0)
