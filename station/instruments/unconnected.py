"""A driver that is connected to nothing: enough to ask what an instrument of some model can do."""

from __future__ import annotations

from station.instruments import DRIVERS, Driver
from station.wires.errors import ConnectionLost


class _Nowhere:
    """A wire that leads nowhere."""

    def query(self, text: str, timeout: float) -> str:
        raise ConnectionLost("this wire leads nowhere")

    def reopen(self) -> None:
        raise ConnectionLost("this wire leads nowhere")


def unconnected(model: str, role: str) -> Driver:
    """The driver of `model` in a role; raises KeyError for a model that has none."""
    return DRIVERS[model](_Nowhere(), role)
