"""Wall time and virtual time behind one interface, and the scopes that say how long somebody may act."""

from station.clock._clock import Clock, FarEnd, Ledger, Traffic, VirtualClock, WallClock
from station.clock._scope import DeadlineExceeded, Scope, Scopes, Stopped
from station.clock._stepped import ClockRefused, HeldClock, SteppedClock

__all__ = [
    "Clock",
    "ClockRefused",
    "DeadlineExceeded",
    "FarEnd",
    "HeldClock",
    "Ledger",
    "Scope",
    "Scopes",
    "SteppedClock",
    "Stopped",
    "Traffic",
    "VirtualClock",
    "WallClock",
]
