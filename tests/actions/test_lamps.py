"""What the station makes of lamps that it sees."""

from __future__ import annotations

import functools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from station.actions.lamps import LOOK_EVERY, LampTrace, expected, watch_time, wrong
from station.model.library import Library
from station.model.pack import Pack
from station.run.plan import Files


@functools.cache
def pack() -> Pack:
    return Files(Library.default()).pack("bali48")


def seen(lit: float, dark: float, seconds: float, phase: float = 0.0) -> list[tuple[float, dict[str, bool]]]:
    """What one lamp shows that is lit and dark in turn, as the station samples it."""
    count = int(seconds / LOOK_EVERY)
    return [(i * LOOK_EVERY, {"RUN": (i * LOOK_EVERY + phase) % (lit + dark) < lit}) for i in range(count)]


@pytest.mark.parametrize("word", ["flash1", "flash2", "flash3"])
@given(phase=st.floats(0, 4))
def test_a_flash_is_recognised_wherever_one_begins_to_look(word: str, phase: float) -> None:
    lit, dark = pack().flash_times(word)
    assert wrong(pack(), seen(lit, dark, 2 * (lit + dark) + 0.2, phase), {"RUN": word}) == []


@pytest.mark.parametrize(
    ("shown", "wanted"),
    [("flash1", "flash2"), ("flash2", "flash1"), ("flash3", "flash2"), ("flash2", "flash3"), ("flash1", "flash3")],
)
@given(phase=st.floats(0, 4))
def test_one_flash_is_never_taken_for_another(shown: str, wanted: str, phase: float) -> None:
    samples = seen(*pack().flash_times(shown), 2 * sum(pack().flash_times(wanted)) + 4.1, phase)
    assert len(wrong(pack(), samples, {"RUN": wanted})) == 1


@pytest.mark.parametrize("word", ["flash1", "flash2", "flash3"])
def test_a_steady_lamp_is_no_flash_and_a_flashing_one_not_steady(word: str) -> None:
    lit, dark = pack().flash_times(word)
    assert wrong(pack(), [(t / 10, {"RUN": True}) for t in range(100)], {"RUN": word}) == [
        f"RUN is lit, must be {word}"
    ]
    assert wrong(pack(), seen(lit, dark, 10), {"RUN": "dark"}) == ["RUN is flashing, must be dark"]


@pytest.mark.parametrize(
    ("soc", "lit"), [(100, 4), (76, 4), (75, 3), (51, 3), (50, 2), (26, 2), (25, 1), (1, 1), (0, 1)]
)
def test_each_capacity_lamp_stands_for_a_begun_quarter(soc: float, lit: int) -> None:
    shown = expected(pack(), "standby", soc)
    assert [shown[f"L{number}"] for number in range(1, 5)] == ["lit"] * lit + ["dark"] * (4 - lit)
    assert shown["RUN"] == "flash1"
    assert shown["ALM"] == "dark"


def test_while_charging_the_highest_lit_lamp_flashes() -> None:
    assert expected(pack(), "charging", 60) == {
        "RUN": "lit", "ALM": "dark", "L1": "lit", "L2": "lit", "L3": "flash2", "L4": "dark",
    }  # fmt: skip


def test_lamps_are_watched_for_as_many_periods_as_the_sequence_says() -> None:
    assert watch_time(pack(), "standby", "2 periods") == 8.0
    assert watch_time(pack(), "charging", "2 periods") == 2.0
    assert watch_time(pack(), {"ALM": "dark"}, None) < 1.0


def test_a_lamp_test_needs_one_moment_with_all_lamps_lit() -> None:
    names = ("RUN", "ALM")
    apart = LampTrace([(0.0, {"RUN": True, "ALM": False}), (0.1, {"RUN": False, "ALM": True})])
    assert apart.ever_lit() == set(names)
    assert not apart.all_lit_together(names)
    assert LampTrace([*apart.samples, (0.2, {"RUN": True, "ALM": True})]).all_lit_together(names)
    assert apart.first_lit() == 0.0
    assert LampTrace().first_lit() is None
