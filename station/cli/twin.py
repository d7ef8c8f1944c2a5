"""`station twin`: the simulated bench on its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

import typer
from ruamel.yaml import YAML

from station.cli.errors import WrongUsage
from station.cli.simulate import DEFAULT_STATE, read_simulated, serving
from station.cli.stops import noted, until
from station.clock import SteppedClock, WallClock
from station.model.bench import Bench, Served
from station.model.files import build
from station.model.library import Library
from station.run.plan import Files
from station.twin.parameters import PARAMETERS

twin = typer.Typer(help="The simulated bench on its own.", no_args_is_help=True, rich_markup_mode=None)


@twin.command()
def serve(
    bench: Annotated[str, typer.Option("--bench", help="A simulated bench")] = "simulated",
    state: Annotated[str, typer.Option("--twin", help="State of the pack")] = DEFAULT_STATE,
    fault: Annotated[
        list[str] | None, typer.Option("--fault", help="A fault, by name or file; may be repeated")
    ] = None,
    time: Annotated[
        Literal["wall", "stepped"],
        typer.Option(
            "--time", help="stepped: time stands until a run holds its clock, or somebody else speaks; it goes on then"
        ),
    ] = "wall",
    ready: Annotated[
        Path | None, typer.Option("--ready", help="File that gets the bench file with the real ports, when they answer")
    ] = None,
    awake: Annotated[
        bool, typer.Option("--awake", help="The key of the pack was pressed and it has started, so that it answers")
    ] = False,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Which pack of its make is simulated")] = 1,
    pack: Annotated[str, typer.Option("--pack", help="Product on the bench")] = "bali48",
    serial: Annotated[str, typer.Option("--serial", help="Serial number that the pack says it has")] = "BALI48-000001",
) -> int:
    """Serve the simulated bench until it is stopped: SCPI on TCP, Modbus and PACE ASCII on serial lines, for any
    program that speaks them.

    `station run --bench FILE` uses it, where FILE is that of --ready.
    """
    files = Files(Library.default())
    document = files.open("bench", bench)
    bench_file = build(document, Bench)
    if bench_file.kind != "simulated":
        raise WrongUsage(f"--bench: {bench_file.bench} is a real bench, the twin serves simulated ones")
    product = files.pack(pack)
    simulated = read_simulated(files, state, fault or [], seed)
    clock = SteppedClock() if time == "stepped" else WallClock()
    with (
        noted() as signals,
        serving(bench_file, product, files.protocol(product), simulated, clock, serial) as world,
    ):
        if awake:
            world.awaken()
        served = Served(
            twin=simulated.state.twin,
            faults=tuple(each.fault for each in simulated.faults),
            seed=seed,
            clock=world.server.publish(world.step_began) if time == "stepped" else "",
        )
        with _announced(ready, document.data, world.server.addresses, served):
            until(signals, lambda: world.server.alive)
    return 0


@contextmanager
def _announced(
    ready: Path | None, data: dict[str, object], addresses: Mapping[str, str], served: Served
) -> Iterator[None]:
    """Say where the bench answers; the file that says so, too, is there only while it does. Raises WrongUsage."""
    for name, address in {**addresses, **({"clock": served.clock} if served.clock else {})}.items():
        typer.echo(f"{name:<12} {address}")
    if ready is None:
        yield
        return
    try:
        _write_ready(ready, data, addresses, served)
    except OSError as error:
        raise WrongUsage(f"--ready: {ready} cannot be written: {error.strerror}") from None
    try:
        yield
    finally:
        ready.unlink(missing_ok=True)


def _write_ready(path: Path, data: dict[str, object], addresses: Mapping[str, str], served: Served) -> None:
    """The bench file as it was, with the addresses at which the twin answers; there at once or not at all."""
    shared, slots = data.get("shared"), data.get("slots")
    groups = [shared, *(slots.values() if isinstance(slots, dict) else ())]
    for group in groups:
        for role, entry in group.items() if isinstance(group, dict) else ():
            if isinstance(entry, dict) and role in addresses:
                entry["at"] = addresses[role]
    part = path.with_suffix(path.suffix + ".part")
    with part.open("w", encoding="utf-8") as file:
        YAML(typ="safe", pure=True).dump({**data, "served": served.model_dump(mode="json")}, file)
    part.replace(path)


@twin.command()
def parameters() -> int:
    """List what a fault file can change in the pack and its circuit, with unit and meaning."""
    width = max(len(each.name) for each in PARAMETERS)
    for each in PARAMETERS:
        typer.echo(f"{each.name:<{width}}  {each.unit:<26}  {each.meaning}")
    return 0
