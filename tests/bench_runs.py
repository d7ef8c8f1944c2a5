"""Whole runs on the simulated bench, in this process and over the real wires, for tests that look at the outcome."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from station.clock import Clock
from station.model.events import Event
from station.studies.rig import Ran, Rig, Station
from station.studies.simulation import DEFAULT_STATE, read_simulated
from station.twin.world import Twin

__all__ = ["SERIAL", "Ran", "Rig", "assert_left_safe", "rig", "when"]

SERIAL = "BALI48-000001"


@contextmanager
def rig(
    faults: Sequence[str] = (),
    *,
    sequence: str = "eol",
    state: str = DEFAULT_STATE,
    seed: int = 1,
    clock: Clock | None = None,
    serial_number: str = SERIAL,
) -> Iterator[Rig]:
    """Plan a sequence and serve the simulated bench while the block runs."""
    station = Station.of(sequence)
    simulated = read_simulated(station.files, state, faults, seed)
    with station.rig(simulated, serial_number, clock=clock) as bench:
        bench.simulation = None  # the run takes it for a real bench, as the wires let it
        yield bench


def when(bench: Rig, kind: type[Event], act: Callable[[], None], *, mentions: str = "") -> None:
    """Act once, right after the first event of a kind that mentions something was written down."""
    waiting = [act]

    def listen(event: Event) -> None:
        if waiting and isinstance(event, kind) and mentions in event.model_dump_json():
            waiting.pop()()

    bench.listeners.append(listen)


def assert_left_safe(twin: Twin) -> None:
    """Supply and load are off in the twin, contactor and key open."""
    assert not twin._source.on
    assert not twin._sink.on
    assert not twin.circuit.main.closed
    assert not twin.bms.key.pressed
