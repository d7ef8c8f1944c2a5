"""Wall time and virtual time behind one interface, and the scopes that say how long somebody may act."""

from station.clock._clock import Clock, VirtualClock, WallClock
from station.clock._scope import DeadlineExceeded, Scope, Scopes, Stopped

__all__ = ["Clock", "DeadlineExceeded", "Scope", "Scopes", "Stopped", "VirtualClock", "WallClock"]
