"""The action `trip`: each protection in turn, in each way that the step names."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from station.actions.direct_drive import direct_drive
from station.actions.errors import NotFeasible
from station.actions.extrapolation import extrapolate
from station.actions.holding import hold
from station.actions.parameters import Parameters
from station.actions.recovery import come_back, never_opened
from station.actions.stage import Reading, Stage
from station.actions.threshold_shift import shift
from station.model.pack import Protection
from station.model.shift import Infeasible

WAYS: Mapping[str, Callable[[Stage, Parameters, Protection], None]] = {
    "direct_drive": lambda stage, parameters, protection: direct_drive(stage, protection),
    "shift": shift,
    "extrapolation": extrapolate,
}
"""The ways to trip a protection that this station has."""


def trip(stage: Stage, parameters: Parameters) -> None:
    """Trip every protection of the step; what cannot be done on this pack today is NOT_TESTED, with the reason.

    One that is named again is tripped again, as soon as it has come back by itself.
    """
    if "soc_before" in stage.step.record:
        stage.found.values["soc_before"] = Reading(stage.readings().soc, "%", 0.5)
    if "shift" in stage.step.by:
        _hold(stage, parameters)
    for number, name in enumerate(stage.step.trip):
        protection = stage.pack.protection[name]
        if name in stage.step.trip[:number] and not _is_back(stage, protection):
            return
        for way in stage.step.by:
            try:
                WAYS[way](stage, parameters, protection)
            except (Infeasible, NotFeasible) as error:
                stage.not_tested(name, str(error), proves=protection.proves)
                if parameters.shifted:  # what was held is put back by the shift that follows, and none did
                    parameters.put_back()


def _hold(stage: Stage, parameters: Parameters) -> None:
    """All protections of the step at once, just out of reach."""
    protections = [stage.pack.protection[name] for name in dict.fromkeys(stage.step.trip)]
    try:
        hold(stage, parameters, protections)
    except (Infeasible, NotFeasible) as error:
        for each in protections:
            stage.not_tested(f"{each.name}_held", str(error), proves=each.proves[1:2])


def _is_back(stage: Stage, protection: Protection) -> bool:
    """Wait for the recovery of an over-current, and keep whether it came; none comes of what never opened."""
    if protection.name not in stage.found.moments:
        stage.not_tested(f"{protection.name}_back", never_opened(protection.name))
        return False
    back = come_back(stage, protection)
    state, reason = "back" if back else "still open", "no current came back, so it cannot be tripped again"
    stage.expect(f"{protection.name}_back", state, "back", reason, witness="instrument")
    return back
