"""The plan: a sequence resolved against a pack and a bench, before anything is touched.

What cannot work is refused here, all of it at once and with its place in the file. A plan is a value: it can be
printed, saved and hashed, and it knows its floor, the least time that it can take.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from station.actions import vocabulary
from station.actions.asked import asked
from station.model.bench import PORTS, Bench, PortEntry, WiredEntry
from station.model.files import Document, Fault, InvalidFile, Location
from station.model.pack import Pack
from station.model.protocol import Protocol
from station.model.quantity import Quantity
from station.model.record import FileHash, Gap, canonical_json
from station.model.sequence import Sequence, Step, Use
from station.run.checking import Files, check_bench, check_sequence, pack_for, usable_roles
from station.run.floor import NONE, Declared, Least, floor_of
from station.run.gaps import known_gaps

__all__ = ["Files", "Plan", "PlannedStep", "check_sequence", "make_plan", "pack_for"]


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """One step of the plan; `skipped` says why it will not be tested, where the sequence allows that."""

    path: str
    step: Step
    depth: int
    least: Least = NONE
    skipped: str = ""
    inside: tuple[PlannedStep, ...] = ()
    meanwhile: tuple[PlannedStep, ...] = ()
    otherwise: tuple[PlannedStep, ...] = ()

    @property
    def floor_s(self) -> float:
        """The least time of the step, in seconds, with all that runs in it."""
        return self.least.seconds

    def walk(self) -> Iterator[PlannedStep]:
        """The step and all steps in it."""
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
    gaps: tuple[Gap, ...] = ()
    """Faults that it cannot see."""

    @property
    def floor_s(self) -> float:
        """The least time that the plan can take, in seconds: the sum of its steps, each with what its waits hold."""
        return round(sum(step.floor_s for step in self.steps), 3)

    @property
    def shifts(self) -> frozenset[str]:
        """The protections that some step trips by threshold shift."""
        steps = (planned.step for top in self.steps for planned in top.walk() if not planned.skipped)
        return frozenset(name for step in steps if "shift" in step.by for name in step.trip)

    @property
    def sha256(self) -> str:
        """The hash that approval attaches to: of every file, and of what was resolved from them."""
        inner = {"steps", "meanwhile", "otherwise"}
        steps = [
            [step.path, step.skipped, step.step.model_dump(mode="json", by_alias=True, exclude=inner)]
            for top in self.steps
            for step in top.walk()
        ]
        content = {"files": [[file.path, file.sha256] for file in self.files], "slot": self.slot, "steps": steps}
        return hashlib.sha256(canonical_json(content)).hexdigest()


def make_plan(files: Files, sequence_name: str, bench: Bench, serial_number: str | None, slot: int = 1) -> Plan:
    """Resolve a sequence; raises InvalidFile with everything that cannot work on this pack and bench."""
    document, sequence = files.sequence(sequence_name)
    faults, _ = check_sequence(files, document, sequence)
    faults += check_bench(_bench_document(files, bench), bench)
    if slot not in bench.slots:
        known = ", ".join(map(str, sorted(bench.slots)))
        faults.append(Fault("--slot", 1, 1, f"bench {bench.bench} has no slot {slot}; it has {known}"))
    if faults:
        raise InvalidFile(faults)
    if serial_number is not None:
        pack = pack_for(files, sequence, serial_number)
    else:
        pack = files.pack(next(name for name in sequence.pack if name in files.library.names("pack")))
    planner = _Planner(files, document, pack, bench, slot)
    steps = tuple(planner.planned(sequence.steps, ("steps",), "", 0, document))
    if planner.faults:
        raise InvalidFile(planner.faults)
    protocol = files.protocol(pack)
    hashes = tuple(files.hashes[name] for name in sorted(files.hashes))
    gaps = tuple(known_gaps(files.library, sequence.sequence))
    return Plan(sequence, pack, bench, slot, protocol, planner.port, steps, hashes, gaps)


def _bench_document(files: Files, bench: Bench) -> Document:
    """The file that the bench was read from, for the places of its faults."""
    document = files.documents.get("bench")
    known = document is not None and document.data.get("bench") == bench.bench
    return document if document is not None and known else Document(Path(f"bench {bench.bench}"), {}, {}, "")


class _Planner:
    """Resolves steps one by one and collects what is wrong."""

    def __init__(self, files: Files, document: Document, pack: Pack, bench: Bench, slot: int) -> None:
        self.faults: list[Fault] = []
        self._files, self._document, self._pack, self._bench = files, document, pack, bench
        self._roles, self._entries = usable_roles(bench, slot), bench.roles(slot)
        self._declared = Declared(pack, files.protocol(pack))
        self._paths: set[str] = set()
        self.port = next((name for name in PORTS[:2] if name in self._roles), "")
        if not self.port:
            message = f"bench {bench.bench} has no rs485_a or rs485_b, by which the pack is asked"
            self.faults.append(document.fault((), message))

    def planned(
        self, steps: Iterable[Step | Use], at: Location, prefix: str, depth: int, document: Document
    ) -> Iterator[PlannedStep]:
        """The steps of a list; `document` is where they are written, `at` where in the planned file they come in."""
        for index, entry in enumerate(steps):
            here = (*at, index)
            if isinstance(entry, Step):
                yield self._one(entry, here, prefix, depth, document)
                continue
            for name in entry.use:
                found = self._files.sequence(name.partition("/")[0])[0]
                yield self._one(self._files.step(name, document), (*here, "use", name), prefix, depth, found)

    def _one(self, step: Step, at: Location, prefix: str, depth: int, document: Document) -> PlannedStep:
        planned = PlannedStep(prefix + step.step, step, depth)
        if planned.path in self._paths:
            self.faults.append(self._document.fault(at, f"there is a step `{planned.path}` already"))
        self._paths.add(planned.path)
        missing = self._missing(step)
        if missing and step.optional is not None:
            return replace(planned, skipped=f"{step.optional} ({missing[0]})")
        self.faults += (self._document.fault(at, f"step `{step.step}`: {what}") for what in missing)

        def inner(word: str, parts: Iterable[Step | Use]) -> tuple[PlannedStep, ...]:
            return tuple(self.planned(parts, (*at, word), planned.path + "/", depth + 1, document))

        planned = replace(
            planned,
            inside=inner("steps", step.steps),
            meanwhile=inner("meanwhile", step.meanwhile),
            otherwise=inner("otherwise", step.otherwise),
        )
        if missing:
            return planned
        parts = [part.least for part in planned.inside], [part.least for part in planned.meanwhile]
        return replace(planned, least=floor_of(step, self._declared, *parts))

    def _missing(self, step: Step) -> list[str]:
        """What stands in the way of a step on this station, with this pack and bench, in plain words."""
        if lacking := [*vocabulary.lacking(step, self._pack)]:
            return lacking
        bench = self._bench.bench
        missing = sorted(vocabulary.roles(step, self._pack) - self._roles)
        roles = [f"bench {bench} has no {role}; write `optional: <reason>` to leave the step out" for role in missing]
        told = (
            self._unstated,
            self._unwired,
            self._unproven,
            self._without_golden,
            self._beyond_voltage,
            self._beyond_envelope,
        )
        return [*roles, *(message for about in told for message in about(step))]

    def _unstated(self, step: Step) -> Iterator[str]:
        """Uncertainties that the bench file does not state, without which nothing can be judged."""
        filled = self._roles | {"clock"}
        for role, kind in sorted(vocabulary.uncertainties(step, self._pack)):
            if role in filled and self._bench.u(role, kind, 0.0) is None:
                yield (
                    f"bench {self._bench.bench} states no uncertainty of its {role}, so nothing can be judged by it: "
                    f"add `uncertainty: {{{role}: {{{kind}: ...}}}}`"
                )

    def _unwired(self, step: Step) -> Iterator[str]:
        """Lamps and contacts of the pack that a step looks at and that no input of the bench sees."""
        for role, wanted in (("lamps", self._pack.lamps), ("contacts", tuple(self._pack.contacts))):
            entry = self._entries.get(role)
            if role in vocabulary.roles(step, self._pack) and isinstance(entry, WiredEntry):
                unseen = [name for name in wanted if name not in entry.inputs]
                if unseen:
                    yield f"the {role} of bench {self._bench.bench} have no input for {' and '.join(unseen)}"

    def _unproven(self, step: Step) -> Iterator[str]:
        """Ports whose silence would prove nothing."""
        for port in (written.silent for written in step.expect if written.silent is not None):
            entry = self._entries.get(port)
            if isinstance(entry, PortEntry) and entry.loop_back is None:
                yield (
                    f"`silent: {port}` is shown only by a line that proves good, and {port} of bench "
                    f"{self._bench.bench} has no `loop_back`"
                )

    def _beyond_voltage(self, step: Step) -> Iterator[str]:
        """Voltages of the pack that are good and that this bench does not allow."""
        allowed = self._bench.envelope.voltage
        for name in step.measure:
            row = self._pack.limits[step.limit_of(name)]
            high = row.is_.high
            if "terminal_voltage" in (name, row.of) and row.is_.unit == "V" and high is not None and high > allowed.si:
                yield f"`{name}` is {row.is_}, and the envelope of bench {self._bench.bench} allows {allowed}"

    def _without_golden(self, step: Step) -> Iterator[str]:
        """Limits around what the golden pack measures, on a bench that does not say what it measures."""
        for name in step.measure:
            row = self._pack.limits.get(step.limit_of(name))
            if row is not None and row.is_.around == "golden" and (row.of or name) not in self._bench.golden:
                yield f"`{name}` is {row.is_}, and bench {self._bench.bench} has no `golden: {{{row.of or name}: ...}}`"

    def _beyond_envelope(self, step: Step) -> Iterator[str]:
        """The currents of a step that this bench does not allow: they, or their power at the pack's highest voltage."""
        envelope, highest = self._bench.envelope, self._pack.ceiling["terminal_voltage"]
        assert isinstance(highest, Quantity)
        for each in sorted(asked(step, self._pack), key=lambda each: each.words):
            watts = Quantity(each.current.si * highest.si, "W")
            for found, allowed in (
                (each.current, envelope.current(each.direction)),
                (watts, envelope.power(each.direction)),
            ):
                if found.si > allowed.si:
                    bench = f"the envelope of bench {self._bench.bench} allows {allowed}"
                    yield f"`{each.words}` is {found}, and {bench}"
                    break
