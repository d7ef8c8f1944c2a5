"""The action `trip`: each protection in turn, in each way that the step names."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from station.actions.direct_drive import direct_drive
from station.actions.errors import NotFeasible
from station.actions.parameters import Parameters
from station.actions.stage import Stage
from station.actions.threshold_shift import shift
from station.model.pack import Protection
from station.model.shift import Infeasible

WAYS: Mapping[str, Callable[[Stage, Parameters, Protection], None]] = {
    "direct_drive": lambda stage, parameters, protection: direct_drive(stage, protection),
    "shift": shift,
}
"""The ways to trip a protection that this station has."""


def trip(stage: Stage, parameters: Parameters) -> None:
    """Trip every protection of the step; what cannot be done on this pack today is NOT_TESTED, with the reason."""
    for name in stage.step.trip:
        protection = stage.pack.protection[name]
        for way in stage.step.by:
            try:
                WAYS[way](stage, parameters, protection)
            except (Infeasible, NotFeasible) as error:
                stage.not_tested(name, str(error), proves=protection.proves)
