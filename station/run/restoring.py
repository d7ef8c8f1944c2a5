"""A run that gives a pack its thresholds back after a run that left them shifted.

It has a journal and a record as every run has, in a folder of its own, and no certificate: it tests nothing. The bench
is made safe and stays so; no current flows. Only stored parameters come back, not states of charge or counters.
"""

from __future__ import annotations

from dataclasses import replace

from station.actions.errors import BenchFault, Blocked
from station.actions.parameters import Parameters, put_back
from station.actions.stage import Stage
from station.bms.errors import PackSilent
from station.clock import Scopes
from station.model.bench import PORTS, Bench
from station.model.files import Fault, InvalidFile
from station.model.sequence import Sequence, Step
from station.records import Unrestored
from station.run.engine import Outcome
from station.run.plan import Files, Plan, PlannedStep
from station.run.session import Request, session

RESTORE = "restore"


def restore_plan(files: Files, bench: Bench, slot: int, owed: Unrestored) -> Plan:
    """What is done to give a pack back what it is owed; raises InvalidFile."""
    port = next((name for name in PORTS[:2] if slot in bench.slots and name in bench.roles(slot)), "")
    if not port:
        message = f"bench {bench.bench} has no slot {slot} with a line to the pack ({', '.join(PORTS[:2])})"
        raise InvalidFile([Fault("--slot", 1, 1, message)])
    pack = files.pack(owed.product)
    step = Step(step=RESTORE, title=f"Thresholds as run {owed.folder.run} found them")
    sequence = Sequence(sequence=RESTORE, title="Thresholds put back", pack=(pack.pack,), steps=(step,))
    protocol = files.protocol(pack)
    hashes = tuple(files.hashes[name] for name in sorted(files.hashes))
    return Plan(sequence, pack, bench, slot, protocol, port, (PlannedStep(RESTORE, step, 0),), hashes)


def restore(request: Request, owed: Unrestored, bench_file: Bench, scopes: Scopes) -> Outcome:
    """Carry out a plan of `restore_plan`; BLOCKED: another pack, or a bench in use, and then nothing was written.

    Whether everything is back, `unrestored` knows afterwards. Raises what a session raises.
    """
    with session(replace(request, restores=owed, partial=True), bench_file, scopes) as running:
        engine = running.engine
        try:
            engine.start_checks()
            if not engine.over:
                engine.attempt(request.plan.steps[0], 1, lambda: _restore(engine.stage, engine.parameters, owed))
        finally:
            engine.finish()
        return Outcome.of(running.store())


def _restore(stage: Stage, parameters: Parameters, owed: Unrestored) -> None:
    """Nothing is adopted before it is the right pack: what is adopted is written, if need be at the very end."""
    _see_that_it_is_the_pack(stage)
    parameters.adopt(owed.words)
    now = parameters.now()
    for name, value in parameters.stored().items():
        if now.get(name) != value:
            stage.note(f"{name} is {now[name]:g} and was {value:g}" if name in now else f"{name} is not stored")
    put_back(stage, parameters)


def _see_that_it_is_the_pack(stage: Stage) -> None:
    try:
        says = stage.port.bms.text(stage.pack.serial_number.stored_in)
    except PackSilent:
        raise BenchFault(
            f"the pack does not answer on {stage.port_name}: start it with its key and type the command again"
        ) from None
    stage.identified(serial_number=says)
    if says != stage.serial_number:
        raise Blocked(f"{stage.serial_number} is to be restored, the pack says it is {says or 'nobody'}: take that one")
