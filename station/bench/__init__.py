"""What is connected: opens a bench file, hands out roles, knows the wiring and the safe state."""

from station.bench._leases import Held, leased, resources
from station.bench._open import MissingRole, NotAsNamed, OpenBench, Port, Wiring
from station.bench._safe import SafeState, make_safe
from station.bench._watchdogs import FEED_EVERY, Watchdogs, unwatched

__all__ = [
    "FEED_EVERY",
    "Held",
    "MissingRole",
    "NotAsNamed",
    "OpenBench",
    "Port",
    "SafeState",
    "Watchdogs",
    "Wiring",
    "leased",
    "make_safe",
    "resources",
    "unwatched",
]
