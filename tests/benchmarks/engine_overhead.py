"""What a step costs besides the measuring itself, against a phase of OpenHTF that does as much.

Both sides run in this process, by turns and without each other's garbage: 200 steps (phases), each judging one value
that costs nothing to take, and the evidence on the disk at the end. Ours has by then been written twice: each event to
the journal, flushed as in any run, and the record.
"""

from __future__ import annotations

import gc
import logging
import statistics
import tempfile
import time
from pathlib import Path
from unittest.mock import patch

import openhtf
from openhtf.output.callbacks.json_factory import OutputToJSON
from openhtf.util import console_output

from station.actions import measuring
from station.actions.stage import Reading
from station.clock import Scopes, WallClock
from station.model.bench import Bench
from station.model.files import build
from station.model.library import Library
from station.model.sequence import Sequence, Step
from station.run.plan import Files, Plan, PlannedStep
from station.run.session import Request, session

STEPS = 200
ROUNDS = 15
AT_MOST = 1 / 3
SERIAL = "BALI48-000001"


def our_plan() -> Plan:
    """A plan on a bench without instruments: nothing is left but the engine, the judging and the evidence."""
    files = Files(Library.default())
    pack = files.pack("bali48")
    bench = build(files.open("bench", "simulated"), Bench)
    bare = bench.model_copy(update={"shared": {}, "slots": {1: {}}})
    steps = [{"step": f"step-{number}", "measure": "current_zero"} for number in range(STEPS)]
    sequence = Sequence.model_validate({"sequence": "free", "title": "Free of cost", "pack": "bali48", "steps": steps})
    planned = tuple(PlannedStep(step.step, step, 0) for step in sequence.steps if isinstance(step, Step))
    return Plan(sequence, pack, bare, 1, files.protocol(pack), "rs485_a", planned, ())


def our_run(plan: Plan, folder: Path) -> tuple[float, float]:
    """Seconds of one run of ours, and those of them for the engine with its journal."""
    scopes = Scopes(WallClock())
    gc.collect()
    began = time.perf_counter()
    with session(Request(plan, SERIAL, folder), plan.bench, scopes) as running:
        ready = time.perf_counter()
        outcome = running.engine.run()
        done = time.perf_counter()
    record = running.store()
    stored = time.perf_counter()
    assert (outcome.verdict, len(record.measurements)) == ("PASS", STEPS)
    return stored - began, done - ready


def their_phase(number: int) -> object:
    """A phase with one measurement and a validator."""

    def phase(test: openhtf.TestApi) -> None:
        test.measurements.current_zero = 0.0

    judged = openhtf.measures(openhtf.Measurement("current_zero").in_range(-0.1, 0.1))(phase)
    return openhtf.PhaseOptions(name=f"phase_{number}")(judged)


def their_run(folder: Path) -> float:
    """Seconds of one run of theirs."""
    test = openhtf.Test(*(their_phase(number) for number in range(STEPS)))
    test.add_output_callbacks(OutputToJSON(str(folder / "{start_time_millis}.json")))
    gc.collect()
    began = time.perf_counter()
    passed = test.execute(test_start=lambda: SERIAL)
    took = time.perf_counter() - began
    assert passed
    return took


def main() -> None:
    """Print the figures and their ratio."""
    logging.disable(logging.CRITICAL)
    console_output.CLI_QUIET = True
    plan = our_plan()
    free = measuring.Measurand(lambda stage: Reading(0.0, "A", 0.01))
    with tempfile.TemporaryDirectory() as name, patch.dict(measuring.MEASURANDS, current_zero=free):
        folder = Path(name)
        rounds = [(*our_run(plan, folder), their_run(folder)) for _ in range(ROUNDS + 1)][1:]
    ours, engine, theirs = (1000 * statistics.median(side) / STEPS for side in zip(*rounds, strict=True))
    met = "met" if engine <= AT_MOST * theirs else "MISSED"
    print(f"station        {engine:.3f} ms a step: engine, judging, journal written and flushed as in any run")
    print(f"               {ours:.3f} ms a step with folder, locks, projection and record.json")
    print(f"OpenHTF {openhtf.__version__}  {theirs:.3f} ms a phase, with its JSON file")
    print(f"ratio          {engine / theirs:.2f} (at most {AT_MOST:.2f}: {met}); with the record {ours / theirs:.2f}")
    print(f"               medians of {ROUNDS} rounds of {STEPS}, by turns")


if __name__ == "__main__":
    main()
