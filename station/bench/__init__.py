"""What is connected: opens a bench file, hands out roles, knows the wiring and the safe state."""

from station.bench._open import MissingRole, NotAsNamed, OpenBench, Port, Wiring
from station.bench._safe import SafeState, make_safe

__all__ = ["MissingRole", "NotAsNamed", "OpenBench", "Port", "SafeState", "Wiring", "make_safe"]
