"""The safe state: load off, supply off, no current, contactor open; always in this order, as often as one likes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from station.bench._open import OpenBench, Wiring
from station.bench._watchdogs import ENERGISING, disarm
from station.instruments.roles import Load, Supply
from station.wires.errors import WireError

PART_WITHIN = 3.0
"""Seconds for each part, whatever the others took: an exchange of at most 2 s, or a new connection and an exchange."""
NO_CURRENT = 1.0
"""Amperes below which a contactor may open (reference practice: opened at no current unless the E-stop does it)."""
FALLS_WITHIN = 0.5
"""Seconds in which the current must fall once the outputs are off; then the contactor opens, whatever still flows."""
NO_VOLTAGE = 5.0
"""Volts behind the open contactor from which something must feed them."""
DRAINS_WITHIN = 2.0
"""Seconds in which the outputs, which are off, must have drained behind the open contactor (engineering judgement)."""


class StillLive(WireError):
    """There is voltage behind the open contactor."""


@dataclass(frozen=True, slots=True)
class SafeState:
    """How the bench was left, as read back, and what could not be proven."""

    state: str
    trouble: tuple[str, ...]
    live: bool = False
    """Whether all that is wrong is voltage behind the open contactor."""


def make_safe(bench: OpenBench) -> SafeState:
    """Bring the bench to the safe state; each part is tried whatever happened to the others, over a fresh connection
    if need be.
    """
    wiring = Wiring(bench)
    said: list[str] = []
    trouble: list[tuple[str, Exception]] = []

    def attempt(what: str, action: Callable[[], str]) -> bool:
        try:
            with bench.scopes.enter(f"{what} to the safe state", PART_WITHIN, shielded=True):
                said.append(action())
        except Exception as error:
            trouble.append((what, error))
            return False
        return True

    off = [role for role in ENERGISING if bench.has(role) and attempt(role, partial(_off, bench, role))]
    if _switches(bench, "contactor"):
        if bench.has("shunt"):
            attempt("shunt", lambda: _no_current(bench, wiring))
        if attempt("contactor", lambda: _open(wiring)) and bench.has("supply_side"):
            attempt("contactor", lambda: _drained(bench, wiring))
    if _switches(bench, "key"):
        attempt("key", lambda: _release(wiring))
    for role in off:
        attempt(f"watchdog of the {role}", partial(_disarm, bench, role))
    state = ", ".join(filter(None, said)) or "nothing to switch off on this bench"
    live = bool(trouble) and all(isinstance(error, StillLive) for _, error in trouble)
    return SafeState(state, tuple(f"{what}: {error}" for what, error in trouble), live)


def _off(bench: OpenBench, role: str) -> str:
    instrument: Supply | Load = getattr(bench, role)
    instrument.off()
    return f"{role} off"


def _disarm(bench: OpenBench, role: str) -> str:
    """Only what is off: whatever else the station could not do, the watchdog of an output that may be on stays."""
    disarm(getattr(bench, role))
    return ""


def _switches(bench: OpenBench, role: str) -> bool:
    """Whether the bench moves that part itself; what a person moves is theirs."""
    return bench.has(role) and bench.wired(role).output is not None


def _no_current(bench: OpenBench, wiring: Wiring) -> str:
    """Read the shunt until the current is gone: it falls at the slew that was set."""
    ends = bench.clock.now() + FALLS_WITHIN
    while abs(current := wiring.shunt_current()) >= NO_CURRENT:
        if bench.clock.now() > ends:
            raise WireError(f"{current:.1f} A still flow")
    return f"{abs(current):.2f} A"


def _open(wiring: Wiring) -> str:
    wiring.switched("contactor", False)
    return "contactor open"


def _drained(bench: OpenBench, wiring: Wiring) -> str:
    """See that the contactor is open and not only told to be."""
    ends = bench.clock.now() + DRAINS_WITHIN
    while abs(volts := wiring.volts("supply_side")) > NO_VOLTAGE:
        if bench.clock.now() > ends:
            raise StillLive(
                f"{volts:.1f} V behind it though it is open: it is welded, or something else feeds the bench"
            )
    return ""


def _release(wiring: Wiring) -> str:
    wiring.switched("key", False)
    return "key released"
