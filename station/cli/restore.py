"""`station restore`: a pack gets its thresholds back after a run that left them shifted."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

import typer

from station.cli.errors import WrongUsage
from station.cli.run import plain_serial, refuse_twin_elsewhere, simulation_on
from station.cli.simulate import DEFAULT_STATE, Simulated, read_simulated, serving
from station.cli.stops import stoppable
from station.clock import Clock, Scopes, VirtualClock, WallClock
from station.model.events import Event, Noted
from station.model.library import Library
from station.model.pack import Pack
from station.model.verdict import EXIT_STATUS, Verdict
from station.records import NotWritable, Unrestored, run_folders, unrestored
from station.run.engine import Outcome
from station.run.plan import Files
from station.run.restoring import restore as put_back
from station.run.restoring import restore_plan
from station.run.session import Request
from station.twin.world import Twin

NOT_RESTORED, BLOCKED = EXIT_STATUS[Verdict.ERROR], EXIT_STATUS[Verdict.BLOCKED]
BOOTED_AFTER = 1.0
"""Seconds after the press of the key in which a simulated pack finds itself."""


def restore(
    bench: Annotated[str, typer.Option("--bench", help="Name of the bench that the pack is on, or a file")],
    serial: Annotated[
        str | None, typer.Option("--serial", help="Serial number of the pack; not needed if only one waits for it")
    ] = None,
    data: Annotated[Path, typer.Option("--data", help="Folder with the journals")] = Path("data"),
    slot: Annotated[int, typer.Option("--slot", help="Slot of the bench")] = 1,
    operator: Annotated[str, typer.Option("--operator", help="Badge of the operator")] = "",
    time: Annotated[Literal["virtual", "wall"] | None, typer.Option("--time", help="Time of a simulated bench")] = None,
    twin: Annotated[str | None, typer.Option("--twin", help="State of the simulated pack")] = None,
    fault: Annotated[
        list[str] | None, typer.Option("--fault", help="Fault of the simulated bench or pack; may be repeated")
    ] = None,
    seed: Annotated[int | None, typer.Option("--seed", min=0, help="Which pack of its make is simulated")] = None,
) -> int:
    """Give a pack its thresholds back after a run that died.

    The pack must be on; nothing is energised. Exit status: 0 restored or nothing to restore, 2 wrong usage, 3 not
    restored, 5 BLOCKED (another pack, bench in use).
    """
    files = Files(Library.default())
    bench_file = files.bench(bench)
    options = {"--twin": twin, "--fault": fault, "--seed": seed, "--time virtual": time == "virtual"}
    refuse_twin_elsewhere(bench_file, options)
    is_simulated = bench_file.kind == "simulated"
    number = plain_serial(serial) if serial is not None else _only_one(data, is_simulated)
    owed = _owed(data, number, is_simulated) if number else None
    if owed is None:
        typer.echo(f"nothing to restore: no run in {data} left shifted thresholds in {number or 'any pack'}")
        return 0
    if owed.running:
        typer.echo(f"run {owed.folder.run} is testing this pack: wait for it, or stop it", err=True)
        return BLOCKED
    simulated = (
        read_simulated(files, twin or DEFAULT_STATE, fault or [], 1 if seed is None else seed)
        if bench_file.needs_twin
        else None
    )
    clock: Clock = VirtualClock() if simulated and time != "wall" else WallClock()
    request = Request(restore_plan(files, bench_file, slot, owed), number, data, operator, listeners=(_tell,))
    outcome = _carried_out(request, owed, simulated, clock)
    if _owed(data, number, is_simulated) is None:
        typer.echo(f"restored: {number} has every threshold as run {owed.folder.run} found it, read back")
        return 0
    typer.echo(f"NOT restored: {outcome.reason}; keep {number} apart", err=True)
    return BLOCKED if outcome.verdict is Verdict.BLOCKED else NOT_RESTORED


def _owed(data: Path, serial: str, simulated: bool) -> Unrestored | None:
    return unrestored(data, serial, simulated=simulated)


def _only_one(data: Path, simulated: bool) -> str:
    """The one pack that waits for its thresholds, or nothing; raises WrongUsage if there are several."""
    numbers = sorted({folder.path.parent.name for folder in run_folders(data)})
    waiting = [number for number in numbers if _owed(data, number, simulated)]
    if len(waiting) > 1:
        raise WrongUsage(f"--serial: name the pack that is on the bench; these wait: {', '.join(waiting)}")
    return "".join(waiting)


def _carried_out(request: Request, owed: Unrestored, simulated: Simulated | None, clock: Clock) -> Outcome:
    plan = request.plan
    request = replace(request, simulation=simulation_on(plan.bench, simulated, clock))
    with ExitStack() as open_:
        served = plan.bench
        if simulated:
            serial = request.serial_number
            twin = serving(plan.bench, plan.pack, plan.protocol, simulated, clock, serial, plan.slot)
            world = open_.enter_context(twin)
            _start(world, plan.pack, clock)
            served = world.served(plan.bench, plan.slot)
        scopes = Scopes(clock)
        open_.enter_context(stoppable()).scopes = scopes
        try:
            return put_back(request, owed, served, scopes)
        except NotWritable as error:
            raise WrongUsage(str(error.strerror)) from None


def _start(world: Twin, pack: Pack, clock: Clock) -> None:
    """The operator's part on the simulated bench: the key is pressed until a pack that sleeps starts."""
    if world.bms.power.mode == "asleep":
        world.pack.press(True)
        clock.wait(pack.keys["start"].si)
        world.pack.press(False)
        clock.wait(BOOTED_AFTER)


def _tell(event: Event) -> None:
    if isinstance(event, Noted):
        typer.echo(event.text)
