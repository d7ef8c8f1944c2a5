"""What takes the current away when the station falls silent: armed before an output is on, fed by progress alone."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from bench.changed_benches import DRAWN, FILL, LOAD, SUPPLY, WATCHDOG, bench_file, box, rig_on
from bench_runs import Rig

from station.bench import FEED_EVERY, OpenBench, SafeState, make_safe, unwatched
from station.bench._watchdogs import PATIENCE
from station.clock import Scopes, VirtualClock
from station.instruments.errors import CommandFailed, Tripped
from station.model.events import OutputChanging
from station.model.library import Library
from station.run.plan import Files
from station.twin.instruments import EaPsb10000, ItechIt6000C, KeysightRp7900
from station.twin.watchdog import WatchdogRelay

ONE_BOX = ("ea-psb-10080-340", "itech-it6010c-80-300", "keysight-rp7935a")
SWITCHING = re.compile(r"(?:OUTP|SYST:COMM:MON:ACT|OUTP:PROT:WDOG(?::STAT)?) (?:ON|OFF)")
"""What switches the output or the watchdog of a box."""
ARM = {"SYST:COMM:MON:ACT ON", "OUTP:PROT:WDOG:STAT ON", "OUTP:PROT:WDOG ON"}
NO_HEARTBEAT = {WATCHDOG: "    # no heartbeat:"}


def on_one_box(model: str) -> dict[str, str]:
    """A bench whose supply and load are one box, and that has no watchdog relay."""
    return {**NO_HEARTBEAT, SUPPLY: box(model), LOAD: "{by: supply}"}


def armed(rig: Rig) -> bool:
    """Whether the box of the bench says that its watchdog is on."""
    queries = {
        EaPsb10000: "SYST:COMM:MON:ACT?",
        ItechIt6000C: "OUTP:PROT:WDOG:STAT?",
        KeysightRp7900: "OUTP:PROT:WDOG?",
    }
    found = rig.twin.supply.execute(queries[type(rig.twin.supply)])
    return found in ("1", "ON")


def flows(rig: Rig) -> bool:
    """Whether the box feels a current."""
    return abs(float(str(rig.twin.supply.execute("MEAS:CURR?")).rstrip(" A"))) > 1.0


# ------------------------------------------------------------------------------------------------ the certificate says


@pytest.mark.parametrize(
    ("changes", "alone"),
    [
        ({}, ()),
        (NO_HEARTBEAT, ("load", "supply")),
        ({WATCHDOG: "    watchdog:    {by: operator}"}, ("load", "supply")),
        ({**NO_HEARTBEAT, SUPPLY: box("ea-psb-10080-340")}, ("load",)),
        (on_one_box("keysight-rp7935a"), ()),
    ],
)
def test_what_stays_on_when_the_computer_dies_is_known_from_the_bench_file(
    changes: dict[str, str], alone: tuple[str, ...], tmp_path: Path
) -> None:
    assert unwatched(Files(Library.default()).bench(bench_file(tmp_path, changes)), 1) == alone


def test_a_certificate_names_what_has_no_watchdog_and_else_says_nothing(tmp_path: Path) -> None:
    for changes, said in (({}, []), (NO_HEARTBEAT, ["This bench has no watchdog for its load and its supply"])):
        with rig_on(tmp_path, "", changes) as rig:
            record = rig.run(tmp_path).record
        assert [warning.partition(":")[0] for warning in record.warnings] == said


def test_both_benches_of_the_library_have_a_watchdog() -> None:
    files = Files(Library.default())
    assert [unwatched(files.bench(name), 1) for name in ("line-1", "simulated")] == [(), ()]


# ------------------------------------------------------------------------------------------------ instruments


@pytest.mark.parametrize("model", ONE_BOX)
def test_a_box_is_armed_whenever_its_output_is_on_and_disarmed_afterwards(
    model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    with rig_on(tmp_path, DRAWN + FILL, on_one_box(model)) as rig:
        run = rig.twin.supply.run

        def heard(line: bytes | str) -> object:
            said.append(line if isinstance(line, str) else line.decode())
            return run(line)

        monkeypatch.setattr(rig.twin.supply, "run", heard)
        ran = rig.run(tmp_path)
        assert not armed(rig)
    assert ran.record.verdict == "PASS", ran.record.reason
    switching = [found[0] for line in said if (found := SWITCHING.findall(line))]
    assert switching.count("OUTP ON") >= 2
    for before, word in pairwise(switching):
        assert (before in ARM) == (word == "OUTP ON"), (before, word)


@pytest.mark.parametrize("model", ONE_BOX)
def test_a_run_that_makes_no_progress_loses_the_output_and_ends_as_an_error(model: str, tmp_path: Path) -> None:
    after: list[bool] = []
    with rig_on(tmp_path, DRAWN, on_one_box(model)) as rig:

        def freeze() -> None:
            rig.clock.wait(PATIENCE + 0.2)
            after.append(flows(rig))

        rig.at("drawn", freeze, ready=lambda: flows(rig))
        ran = rig.run(tmp_path)
    assert after == [False]
    assert ran.record.verdict == "ERROR"
    assert "watchdog" in ran.record.reason or "time-out" in ran.record.reason


def test_a_supply_behind_the_open_contactor_is_fed_although_nobody_reads_it(tmp_path: Path) -> None:
    with rig_on(tmp_path, "  - {step: charger, require: charger_voltage}\n", on_one_box("keysight-rp7935a")) as rig:
        ran = rig.run(tmp_path)
    assert ran.record.verdict == "PASS", ran.record.reason


@dataclass
class Box:
    """An instrument with a watchdog, which may refuse."""

    refuses: Exception | None = None
    said: list[str] = field(default_factory=list)

    def off(self) -> None:
        self.said.append("off")
        if isinstance(self.refuses, CommandFailed):
            raise self.refuses

    def watchdog(self, seconds: float) -> None:
        self.said.append(f"watchdog {seconds:g}")
        if self.refuses is not None:
            raise self.refuses

    def feed(self) -> None:
        self.said.append("feed")


def bench_with(load: Box) -> OpenBench:
    """As much of an open bench as a load with a watchdog needs."""
    file = Files(Library.default()).bench("simulated")
    clock = VirtualClock()
    found = SimpleNamespace(bench=file, slot=1, load=load, scopes=Scopes(clock), clock=clock)
    found.has = lambda role: role == "load"
    return cast("OpenBench", found)


def test_the_safe_state_disarms_what_is_off() -> None:
    load = Box()
    assert make_safe(bench_with(load)) == SafeState("load off", ())
    assert load.said == ["off", "watchdog 0"]


def test_the_watchdog_of_an_output_that_may_be_on_stays_armed() -> None:
    load = Box(CommandFailed("load", "OUTP OFF", alive=False, explanation="silence"))
    assert make_safe(bench_with(load)).trouble
    assert load.said == ["off"]


def test_a_box_that_has_tripped_is_off_and_that_is_no_trouble() -> None:
    assert make_safe(bench_with(Box(Tripped("load", "watchdog")))).trouble == ()


# ------------------------------------------------------------------------------------------------ the heartbeat


def edges(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """When the watchdog relay of the twin sees an edge, in seconds of its world."""
    seen: list[float] = []
    see = WatchdogRelay.see

    def look(relay: WatchdogRelay, level: bool, now: float) -> None:
        if level != relay.level:
            seen.append(now)
        see(relay, level, now)

    monkeypatch.setattr(WatchdogRelay, "see", look)
    return seen


def test_the_heart_beats_from_the_first_closing_of_the_contactor_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = edges(monkeypatch)
    with rig_on(tmp_path, DRAWN + FILL, {}) as rig:
        ran = rig.run(tmp_path)
    assert ran.record.verdict == "PASS", ran.record.reason
    gaps = [after - before for before, after in pairwise(seen)]
    assert max(gaps) < 1.5 * FEED_EVERY
    assert min(gaps[1:]) > 0.9 * FEED_EVERY
    energised = next(event.at_s for event in ran.events if isinstance(event, OutputChanging))
    assert 0 <= energised - seen[0] < 0.1


def test_the_contactor_opens_under_a_run_that_makes_no_progress_whatever_the_instruments_do(tmp_path: Path) -> None:
    after: list[bool] = []
    with rig_on(tmp_path, DRAWN, {}) as rig:

        def freeze() -> None:
            rig.clock.wait(PATIENCE + 0.2)
            after.append(rig.twin.circuit.main.closed)

        rig.at("drawn", freeze, ready=lambda: rig.twin.load.execute("LOAD?") == "ON" and rig.twin.circuit.main.closed)
        ran = rig.run(tmp_path)
    assert after == [False]
    assert ran.record.verdict == "ERROR"
    assert f"no heartbeat for {PATIENCE:.0f}." in ran.record.reason


def test_a_relay_can_carry_the_heartbeat_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = edges(monkeypatch)
    with rig_on(tmp_path, DRAWN, {WATCHDOG: "    watchdog:    {by: switch, output: 206}"}) as rig:
        ran = rig.run(tmp_path)
    assert ran.record.verdict == "PASS", ran.record.reason
    assert len(seen) > 5


def test_the_watchdog_relay_holds_until_its_input_has_stood_still_for_too_long() -> None:
    relay = WatchdogRelay()
    assert relay.drops_after == PATIENCE
    assert relay.closed(1000.0)
    relay.see(True, 1000.0)
    relay.see(True, 1001.0)
    assert relay.closed(999.9 + PATIENCE)
    assert not relay.closed(1000.1 + PATIENCE)
    relay.see(False, 1010.0)
    assert relay.closed(1009.9 + PATIENCE)
