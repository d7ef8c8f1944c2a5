"""The charging current limiter: more current is offered than it lets pass, with the limiter on and with it off."""

from __future__ import annotations

from station.actions.blame import NOTHING, see_that_ammeters_agree
from station.actions.current import flowing, settle
from station.actions.measuring import SEEN_WITHIN, shunt
from station.actions.parameters import Parameters
from station.actions.stage import Stage

ON, OFF = "on_command", "off_command"
"""The commands of a charge limiter (pack file)."""


def limiter(stage: Stage, parameters: Parameters) -> None:
    """The action `limiter`: each command in turn, and what the pack then takes (REQ-4.2-40).

    Leaves `charge_limit` to be judged. Off, it stays off until something is restored.
    """
    offered = stage.current("limiter_offer")
    for command in stage.step.limiter:
        parameters.limit_charge(command == ON)
        with flowing(stage, "charge", offered):
            took = settle(stage, "charge", offered, within=stage.reacts_within("limiter"))
            stage.pause(SEEN_WITHIN)
            see_that_ammeters_agree(stage, "charge")
            taken = shunt(stage)
        if command == ON:
            stage.found.values["charge_limit"] = taken
        else:
            why = "it is stuck on" if taken.number > NOTHING else "the pack does not charge"
            reason = f"{abs(taken.number):.1f} A of {offered:g} A flow with the limiter switched off: {why}"
            state = "takes all" if took else "limits"
            stage.expect("charge_unlimited", state, "takes all", reason, witness="shunt")
