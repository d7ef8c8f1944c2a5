"""What a signal does that comes at the worst moment."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from types import FrameType

import pytest

from station.cli import stops
from station.cli.stops import noted, until


@pytest.fixture(autouse=True)
def _hurried(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(stops, "LOOK_EVERY", 0.001)
    yield
    sys.settrace(None)


class SignalAtLine:
    """A tracer that lets a signal come just before the nth line of Python."""

    def __init__(self, number: int) -> None:
        self.left = number

    def __call__(self, frame: FrameType, event: str, argument: object) -> SignalAtLine:
        if event == "line":
            self.left -= 1
            if self.left == 0:
                signal.raise_signal(signal.SIGTERM)
        return self


@pytest.mark.timeout(10)
@pytest.mark.parametrize("line", range(1, 41))
def test_a_signal_before_any_line_of_the_wait_ends_it(line: int) -> None:
    looks = iter(range(60))
    with noted() as came:
        sys.settrace(SignalAtLine(line))
        until(came, lambda: next(looks, None) is not None)
        sys.settrace(None)
    assert came == [signal.SIGTERM]


def test_the_wait_ends_with_what_is_waited_for() -> None:
    with noted() as came:
        until(came, lambda: False)
    assert not came


def test_whoever_heeded_the_signals_before_heeds_them_again() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with noted():
        assert signal.getsignal(signal.SIGTERM) is not before
    assert signal.getsignal(signal.SIGTERM) is before
