"""What can be wrong with the network cable of an instrument, or with its network socket."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random


@dataclass(slots=True)
class Cable:
    """The way of one instrument's messages; every attribute may be changed by a fault file."""

    cut: bool = False
    """Every connection ends and none is made."""
    silent: bool = False
    """Messages are taken and never answered."""
    delay: float = 0.0
    """Seconds by which every answer comes later."""
    garbled: float = 0.0
    """Share of the bytes of answers that arrive as others, 0 to 1."""
    closed_after: float = 0.0
    """Bytes after which the instrument closes a connection; 0: never."""
    chance: Random = field(default_factory=Random, repr=False)
    """Which bytes are garbled, and how."""

    def spoilt(self, data: bytes) -> bytes:
        """Bytes as they arrive at the station."""
        if not self.garbled:
            return data
        return bytes(byte ^ self.chance.randrange(1, 256) * (self.chance.random() < self.garbled) for byte in data)
