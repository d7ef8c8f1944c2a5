"""The action `alarm`: alarms by threshold shift, a group at a time; they must show, and current must go on flowing.

Only alarm values move; trips stay where they are. An alarm whose live value lies outside what the firmware accepts
cannot be shown on this pack today and is NOT_TESTED, with the reason.
"""

from __future__ import annotations

from station.actions.condition import throttled
from station.actions.errors import BenchFault
from station.actions.expecting import expect
from station.actions.lamps import LampTrace
from station.actions.measuring import SEEN_WITHIN
from station.actions.parameters import Parameters, put_back
from station.actions.stage import Stage
from station.actions.threshold_shift import FLOWS, live_value
from station.model.pack import Protection
from station.model.shift import Infeasible, shift_alarm

SHOWN_WITHIN = 3.0
"""Seconds in which all alarms of a group must show: 0.5 s each (engineering judgement) and the time to ask."""


def alarm(stage: Stage, parameters: Parameters, trace: LampTrace) -> None:
    """Shift the alarms of each group, see flags, lamps and contacts while they stand, and put them back."""
    for group in stage.step.alarm:
        stage.alarms = group
        try:
            _group(stage, parameters, trace, group)
        finally:
            stage.alarms = ""


def _group(stage: Stage, parameters: Parameters, trace: LampTrace, group: str) -> None:
    shifted: dict[str, Protection] = {}
    values: dict[str, float] = {}
    stage.pause(SEEN_WITHIN)
    readings = stage.readings(fresh=True)
    for name in stage.pack.alarm_groups[group]:
        protection = stage.pack.protection[name]
        try:
            live, falling = live_value(readings, protection), stage.flowing == "discharge"
            values |= shift_alarm(protection, live, parameters.stored() | values, falling=falling)
            shifted[name] = protection
        except Infeasible as error:
            stage.not_tested(f"{name}_alarm", str(error), proves=protection.proves[:1])
    if not shifted:
        return
    parameters.write(f"the {group} alarms are shifted beyond their live values", values)
    stage.wait(throttled(stage, 0.3, lambda: shifted.keys() <= stage.readings(fresh=True).warning), SHOWN_WITHIN)
    warning = stage.readings(fresh=True).warning
    for name, protection in shifted.items():
        state = "set" if name in warning else "not set"
        stage.expect(
            f"{name}_alarm", state, "set", "its threshold is beyond the live value", proves=protection.proves[:1]
        )
    expect(stage, parameters, trace)
    _see_that_current_flows(stage, group)
    put_back(stage, parameters, group)


def _see_that_current_flows(stage: Stage, group: str) -> None:
    if stage.flowing is None:
        raise BenchFault("alarms are shown while current flows, and none does")
    driver = stage.bench.driver(stage.flowing)
    state = "flows" if driver.current() > FLOWS else "stopped"
    stage.expect(f"{group}_current", state, "flows", "an alarm stopped the current", witness="instrument")
