"""The plan: a sequence resolved against a pack and a bench, before anything is touched.

What cannot work is refused here, all of it at once and with its place in the file. A plan is a value: it can be printed, saved and
hashed, and it knows its floor, the least time that it can take.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from station.actions import vocabulary
from station.model import pack as pack_file
from station.model.bench import Bench
from station.model.files import Document, Fault, InvalidFile, Location, build
from station.model.language import check_names, check_waits
from station.model.library import Library
from station.model.ordering import violations
from station.model.pack import Pack
from station.model.protocol import Protocol, read_protocol
from station.model.record import FileHash, canonical_json
from station.model.sequence import Sequence, Step, Use, check_form, walk
from station.run.floor import floor_of


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """One step of the plan; `skipped` says why it will not be tested, where the sequence allows that."""

    path: str
    step: Step
    depth: int
    floor_s: float
    skipped: str = ""
    inside: tuple[PlannedStep, ...] = ()
    meanwhile: tuple[PlannedStep, ...] = ()
    otherwise: tuple[PlannedStep, ...] = ()

    def walk(self) -> Iterator[PlannedStep]:
        """This step and all steps in it."""
        yield self
        for part in (*self.inside, *self.meanwhile, *self.otherwise):
            yield from part.walk()


@dataclass(frozen=True, slots=True)
class Plan:
    """What will be done, to what, with what."""

    sequence: Sequence
    pack: Pack
    bench: Bench
    slot: int
    protocol: Protocol
    port: str
    steps: tuple[PlannedStep, ...]
    files: tuple[FileHash, ...]

    @property
    def floor_s(self) -> float:
        """The least time that the plan can take, in seconds: the sum of its steps, each with what runs inside its waits."""
        return round(sum(step.floor_s for step in self.steps), 3)

    @property
    def sha256(self) -> str:
        """The hash that approval attaches to: of every file, and of what was resolved from them."""
        steps = [[step.path, step.skipped, step.step.model_dump(mode="json", by_alias=True, exclude={"steps", "meanwhile", "otherwise"})]
                 for top in self.steps for step in top.walk()]  # fmt: skip
        content = {"files": [[file.path, file.sha256] for file in self.files], "slot": self.slot, "steps": steps}
        return hashlib.sha256(canonical_json(content)).hexdigest()


class Files:
    """Opens the files of a plan and remembers the hash of each."""

    def __init__(self, library: Library) -> None:
        """Nothing is open yet."""
        self.library = library
        self.hashes: dict[str, FileHash] = {}

    def open(self, kind: str, name: str) -> Document:
        """Read a file; raises InvalidFile."""
        document = self.library.open(kind, name)
        self._keep(kind, document)
        return document

    def sequence(self, name: str) -> tuple[Document, Sequence]:
        """Read a sequence."""
        document = self.open("sequence", name)
        return document, build(document, Sequence)

    def pack(self, name: str) -> Pack:
        """Read and check a pack file; raises InvalidFile."""
        document = self.open("pack", name)
        found = build(document, Pack)
        faults = [document.fault(at, message) for at, message in pack_file.check(found)]
        order = violations({key: quantity.si for key, quantity in found.released.items()})
        faults += [document.fault(("protections",), message) for message in order]
        if faults:
            raise InvalidFile(faults)
        return found

    def protocol(self, pack: Pack) -> Protocol:
        """Read the register map that a pack names, and see that it has a register for every released parameter."""
        path = self.library.find("protocol", pack.protocol.name)
        found = read_protocol(path)
        document = self.open("protocol", pack.protocol.name)
        missing = sorted(set(pack.released) - set(found.by_name))
        if missing:
            raise document.refuse(
                ("registers",), f"pack {pack.pack} has a value for {missing[0]}, and there is no such register here"
            )
        return found

    def _keep(self, kind: str, document: Document) -> None:
        name = f"{kind}/{Path(document.path).stem}"
        self.hashes[name] = FileHash(path=name, sha256=document.sha256)


def check_sequence(files: Files, document: Document, sequence: Sequence) -> tuple[list[Fault], list[str]]:
    """Everything wrong with a sequence on any bench, and notes on packs that it could not be checked against."""
    faults = [
        *check_form(document, sequence),
        *check_waits(document, sequence),
        *_check_uses(files, document, sequence),
    ]
    known = files.library.names("pack")
    present = [name for name in sequence.pack if name in known]
    notes = [
        f"{document.path}: no pack file for {name} here, not checked against it"
        for name in sequence.pack
        if name not in known
    ]
    if not present:
        faults.append(
            document.fault(
                ("pack",), f"there is no pack file for {' or '.join(sequence.pack)}; known: {', '.join(known)}"
            )
        )
    for name in present:
        faults.extend(check_names(document, sequence, files.pack(name)))
    return faults, notes


def _check_uses(files: Files, document: Document, sequence: Sequence) -> Iterator[Fault]:
    for step, at in walk(sequence.steps):
        for name in step.use if isinstance(step, Use) else ():
            try:
                _used(files, name, sequence.sequence, sequence)
            except InvalidFile as error:
                yield document.fault((*at, "use"), f"`{name}`: {error.faults[0].message}")


def _used(files: Files, name: str, own: str, sequence: Sequence) -> Step:
    """The step `file/step` of another sequence, or of this one."""
    file, _, step_name = name.partition("/")
    other = sequence if file == own else files.sequence(file)[1]
    steps = {step.step: step for step in other.steps if isinstance(step, Step)}
    if step_name not in steps:
        raise InvalidFile(
            [Fault(f"{file}.yaml", 1, 1, f"sequence {file} has no step `{step_name}`; it has {', '.join(steps)}")]
        )
    return steps[step_name]


def pack_for(files: Files, sequence: Sequence, serial_number: str) -> Pack:
    """The product that a scanned serial number belongs to; raises InvalidFile with what was expected."""
    known = files.library.names("pack")
    packs = [files.pack(name) for name in sequence.pack if name in known]
    for found in packs:
        if found.serial_number.fits(serial_number):
            files.hashes = {
                key: value
                for key, value in files.hashes.items()
                if not key.startswith("pack/") or key == f"pack/{found.pack}"
            }
            return found
    patterns = (
        " or ".join(f"{found.pack} ({found.serial_number.pattern})" for found in packs) or "a pack of this sequence"
    )
    raise InvalidFile([Fault("--serial", 1, 1, f"`{serial_number}` is no serial number of {patterns}")])


def make_plan(files: Files, sequence_name: str, bench: Bench, serial_number: str | None, slot: int = 1) -> Plan:
    """Resolve a sequence; raises InvalidFile with everything that cannot work on this pack and bench."""
    document, sequence = files.sequence(sequence_name)
    faults, _ = check_sequence(files, document, sequence)
    if faults:
        raise InvalidFile(faults)
    pack = (
        files.pack(next(name for name in sequence.pack if name in files.library.names("pack")))
        if serial_number is None
        else pack_for(files, sequence, serial_number)
    )
    if slot not in bench.slots:
        raise InvalidFile(
            [
                Fault(
                    "--slot", 1, 1, f"bench {bench.bench} has no slot {slot}; it has {', '.join(map(str, bench.slots))}"
                )
            ]
        )
    planner = _Planner(files, document, sequence, pack, bench, slot)
    steps = tuple(planner.planned(sequence.steps, ("steps",), "", 0))
    if planner.faults:
        raise InvalidFile(planner.faults)
    protocol = files.protocol(pack)
    return Plan(
        sequence,
        pack,
        bench,
        slot,
        protocol,
        planner.port,
        steps,
        tuple(files.hashes[key] for key in sorted(files.hashes)),
    )


class _Planner:
    """Resolves steps one by one and collects what is wrong."""

    def __init__(
        self, files: Files, document: Document, sequence: Sequence, pack: Pack, bench: Bench, slot: int
    ) -> None:
        self.faults: list[Fault] = []
        self._files, self._document, self._sequence = files, document, sequence
        self._pack, self._bench = pack, bench
        self._roles = set(bench.roles(slot))
        ports = [name for name in ("rs485_a", "rs485_b") if name in self._roles]
        self.port = ports[0] if ports else ""
        if not ports:
            self.faults.append(
                document.fault((), f"bench {bench.bench} has no rs485_a or rs485_b, by which the pack is asked")
            )

    def planned(self, steps: tuple[Step | Use, ...], at: Location, prefix: str, depth: int) -> Iterator[PlannedStep]:
        for index, entry in enumerate(steps):
            here = (*at, index)
            if isinstance(entry, Use):
                for name in entry.use:
                    yield self._one(
                        _used(self._files, name, self._sequence.sequence, self._sequence), here, prefix, depth
                    )
            else:
                yield self._one(entry, here, prefix, depth)

    def _one(self, step: Step, at: Location, prefix: str, depth: int) -> PlannedStep:
        path = prefix + step.step
        missing = [*vocabulary.lacking(step, self._pack)] or self._missing_roles(step)
        skipped = f"{step.optional} ({missing[0]})" if missing and step.optional is not None else ""
        if missing and step.optional is None:
            self.faults.extend(self._document.fault(at, f"step `{step.step}`: {what}") for what in missing)
        inner = dict.fromkeys(("inside", "meanwhile", "otherwise"), ())
        if not skipped:
            words = {"inside": step.steps, "meanwhile": step.meanwhile, "otherwise": step.otherwise}
            inner = {
                name: tuple(self.planned(parts, (*at, "steps" if name == "inside" else name), path + "/", depth + 1))
                for name, parts in words.items()
            }
        planned = PlannedStep(path, step, depth, 0.0, skipped, **inner)
        return (
            planned
            if skipped or missing
            else replace(planned, floor_s=floor_of(planned.step, self._pack, planned.inside, planned.meanwhile))
        )

    def _missing_roles(self, step: Step) -> list[str]:
        missing = sorted(vocabulary.roles(step, self._pack) - self._roles)
        return [
            f"bench {self._bench.bench} has no {role}; write `optional: <reason>` to leave the step out there"
            for role in missing
        ]
