"""Virtual time across two processes: the twin's clock, which one run at a time may hold, and that run's end of it.

They talk in lines over a socket. Each question gets one answer, when the twin has dealt with all that came before:
`hold WHO`, `join CONNECTION`, `until BYTES CONNECTION`, `wait SECONDS`, `step NAME`; and back come the time, the bytes
of the connection taken and sent, or `refused` with the reason.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from station.clock._clock import (
    SETTLE_AT_MOST,
    FarEnd,
    Kind,
    Ledger,
    Ready,
    Traffic,
    VirtualClock,
    WallClock,
    agreed,
    heard,
)

CONNECT_WITHIN = 5.0
"""Wall seconds for the twin to say whether its clock can be held."""


class ClockRefused(Exception):
    """The published clock of a twin cannot be held; the message says where it is and why."""


class SteppedClock:
    """The clock of a twin in a process of its own: it stands until somebody lets it go on as on the wall.

    It stands at first, and while a run holds it; that run moves it.
    """

    def __init__(self) -> None:
        """Stand at 0 s."""
        self._virtual = VirtualClock()
        self._went_on: float | None = None

    @property
    def kind(self) -> Kind:
        """`virtual` while it stands, `wall` while it goes on."""
        return "virtual" if self._went_on is None else "wall"

    def attach(self, world: Callable[[float], object], far: FarEnd | None = None) -> None:
        """Call `world(t)` whenever time is moved to `t`."""
        self._virtual.attach(world, far)

    def now(self) -> float:
        """Seconds since the twin was made."""
        return self._virtual.now() + (0.0 if self._went_on is None else time.monotonic() - self._went_on)

    def wait(self, seconds: float) -> None:
        """Move time on by `seconds`, or sleep while it moves by itself."""
        (self._virtual if self._went_on is None else WallClock()).wait(seconds)

    def ledger(self, connection: str) -> Ledger:
        """As of a virtual clock."""
        return self._virtual.ledger(connection)

    def poll(self, ready: Ready, ledger: Ledger, timeout: float, since: float | None = None) -> bool:
        """As of the clock that it is now."""
        return (self._virtual if self._went_on is None else WallClock()).poll(ready, ledger, timeout, since)

    def stand(self) -> None:
        """Stop where it is; nothing to do where it stands."""
        passed, self._went_on = self.now() - self._virtual.now(), None
        self._virtual.wait(passed)

    def go_on(self) -> None:
        """Go on as on the wall from where it is; nothing to do where it does."""
        if self._went_on is None:
            self._went_on = time.monotonic()


class HeldClock:
    """The published clock of a twin, held until it is closed.

    Time moves in the twin, during an exchange and in `wait`, and each answer says where it is. When the twin vanishes
    time goes on as on the wall, so that a run can end its evidence; its wires tell it what is lost.
    """

    kind: Kind = "virtual"

    def __init__(self, address: str) -> None:
        """Hold the clock at `host:port`; raises ClockRefused."""
        self.address = address
        self._asking = threading.Lock()
        self._lost_at: float | None = None
        host, _, port = address.rpartition(":")
        try:
            self._socket = socket.create_connection((host, int(port)), timeout=CONNECT_WITHIN)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._lines = self._socket.makefile("rb")
            answer = self._line(f"hold process {os.getpid()} on {socket.gethostname()}")
        except (OSError, ValueError, OverflowError) as error:
            raise ClockRefused(f"the clock at {address} does not answer ({error}): is the twin still served?") from None
        if answer[:1] == ["refused"]:
            self.close()
            raise ClockRefused(f"the clock at {address} is {' '.join(answer[1:])}: wait for it, or stop it")
        self._now = float(answer[0])
        self._socket.settimeout(SETTLE_AT_MOST)

    @property
    def lost(self) -> bool:
        """Whether the twin has vanished."""
        return self._lost_at is not None

    def now(self) -> float:
        """The twin's time in seconds, as of the last exchange or wait."""
        return self._now if self._lost_at is None else self._now + time.monotonic() - self._lost_at

    def wait(self, seconds: float) -> None:
        """Let the twin move its time on by `seconds`; not at all when it is not positive."""
        if seconds > 0 and self._ask(f"wait {seconds!r}") is None:
            time.sleep(seconds)

    def ledger(self, connection: str) -> Ledger:
        """A ledger that agrees with what the twin has counted; from now on its exchanges move time."""
        traffic = self._ask(f"join {connection}")
        return agreed(connection, None if traffic is None or traffic.taken < 0 else traffic)

    def poll(self, ready: Ready, ledger: Ledger, timeout: float, since: float | None = None) -> bool:
        """Wait until `ready` is true; when the wires have run empty, let the rest of `timeout` pass and give up."""
        ends = (self.now() if since is None else since) + timeout
        if heard(ready, ledger, self._settle):
            return True
        if ends <= self.now():
            return False
        self.wait(ends - self.now())
        return heard(ready, ledger, self._settle)

    def step_began(self, step: str) -> None:
        """Tell the twin which step begins, for faults that wait for one."""
        self._ask(f"step {step}")

    def close(self) -> None:
        """Let the clock go; the twin goes on as on the wall."""
        with suppress(OSError):
            self._socket.close()
            self._lines.close()

    def __enter__(self) -> HeldClock:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _settle(self, ledger: Ledger) -> Traffic:
        return self._ask(f"until {ledger.sent} {ledger.connection}") or Traffic(ledger.sent, ledger.taken)

    def _ask(self, question: str) -> Traffic | None:
        """Ask, take over the time, and return the rest of the answer; None once the twin has vanished."""
        with self._asking:
            try:
                if self._lost_at is None:
                    now, taken, sent = self._line(question)
                    self._now = float(now)
                    return Traffic(int(taken), int(sent))
            except (OSError, ValueError):
                self._lost_at = time.monotonic()
            return None

    def _line(self, question: str) -> list[str]:
        self._socket.sendall(question.encode() + b"\n")
        answer = self._lines.readline()
        if not answer.endswith(b"\n"):
            raise ConnectionError("the twin has closed it")
        return answer.decode().split()
