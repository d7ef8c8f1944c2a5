"""The threshold at which an over-current really opens, from where the pack's ammeter stands at the stored one.

A shift proves comparator, delay and FET at a current that the bench can give. What it cannot see is the error of the
pack's own ammeter at the true threshold: that follows from the currents at which it was compared with the shunt.
"""

from __future__ import annotations

import math

from station.actions.errors import NotFeasible
from station.actions.opening import threshold_row
from station.actions.parameters import Parameters
from station.actions.stage import Reading, Stage
from station.model.ammeter import Ammeter, TooFew, fit
from station.model.pack import Protection

WITNESS = "pack against shunt"
FOLLOWS_NOT = -0.5
"""Gain error below which an ammeter stands still or counts backwards."""


def extrapolate(stage: Stage, parameters: Parameters, protection: Protection) -> None:
    """Judge the current at which `protection` opens with its stored threshold; NotFeasible with too few comparisons."""
    try:
        ammeter = fit(stage.found.comparisons)
    except TooFew as error:
        raise NotFeasible(str(error)) from None
    if ammeter.gain < FOLLOWS_NOT:
        reason = "the pack's ammeter does not follow the current, so its threshold means nothing"
        stage.expect(f"{protection.name}_extrapolated", "not known", "known", reason, witness=WITNESS)
        return
    row = threshold_row(protection)
    _record(stage, ammeter)
    way = 1 if protection.stops == "charge" else -1
    stored = parameters.stored()[f"{protection.name}.trip"]
    true = ammeter.true_at(way * stored)
    shunt = stage.bench.u("shunt", "current", true)
    doubt = None if shunt is None else math.hypot(ammeter.uncertainty_at(true), shunt)
    half = ((row.is_.high or 0.0) - (row.is_.low or 0.0)) / 2
    if doubt is not None and doubt > half:
        raise NotFeasible(f"the pack's ammeter scatters so much that its threshold is known to {doubt:.1f} A only")
    stage.note(
        f"{protection.name}: {stored:g} A are stored; the pack's ammeter, {100 * ammeter.gain:+.2f} % and "
        f"{ammeter.offset:+.2f} A off at {ammeter.count} comparisons with the shunt, says so at {way * true:.2f} A"
    )
    predicted = Reading(way * true, "A", doubt, WITNESS)
    stage.judge_row(f"{protection.name}_extrapolated", predicted, row)


def _record(stage: Stage, ammeter: Ammeter) -> None:
    """Keep gain and offset, each with the uncertainty of the line."""
    gain = 100 * ammeter.doubt / math.sqrt(ammeter.reach)
    stage.record("ammeter_gain", Reading(100 * ammeter.gain, "%", gain, WITNESS))
    stage.record("ammeter_offset", Reading(ammeter.offset, "A", ammeter.uncertainty_at(0.0), WITNESS))
