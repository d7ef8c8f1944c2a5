"""What a person does and says: prompts, and the answers that count.

An answer has to fit its question, word for word: a `yes` that somebody types from habit is none, so it passes nothing
and fails nothing. An answer that does not come in the time of the bench file (`operator_time`) ends the run as ABORTED.
"""

from __future__ import annotations

from station.actions.errors import Blocked
from station.actions.stage import Stage
from station.clock import Stopped
from station.model.events import Answered, Asked
from station.model.pack import Pack
from station.model.prompt import DONE, OTHERWISE, SKIP, Prompt
from station.model.sequence import Question

LOOK_EVERY = 0.05
"""Seconds between two looks whether somebody has answered."""
SERIAL_NUMBER = "serial_number"
"""The answer that is read from the pack's label and must be the serial number that was scanned."""


def ask(stage: Stage) -> None:
    """Ask every question of the step and judge what is answered; raises Stopped where nobody answers."""
    for number, question in enumerate(stage.step.ask, 1):
        _judge(stage, f"question_{number}", question, answered(stage, _prompt(question)))


def can_be_judged(question: Question, pack: Pack) -> bool:
    """Whether its answer is a text that is known beforehand; what a person measures would need an uncertainty."""
    is_name = "_" in question.answer or question.answer in {*pack.limits, "address"}
    return question.answer == SERIAL_NUMBER or not is_name


def hold_key(stage: Stage, name: str) -> None:
    """Have a person press the key of the pack for as long as the pack file says; raises Stopped."""
    seconds = stage.pack.keys[name].si
    text = f"Hold the key of the pack for {seconds:g} s ({name}) and let it go"
    answered(stage, Prompt(text, DONE, press=seconds))
    stage.note(f"the key was pressed by a person, for {name}: how long nobody measured")


def answered(stage: Stage, prompt: Prompt) -> str:
    """What the person at the bench answers; raises Stopped where nothing that fits comes in time."""
    pressed = prompt.press or 0.0
    patience = stage.bench.bench.operator_time.si + pressed
    taken: list[str] = []

    def heard() -> bool:
        said = stage.person.said()
        if said is not None and prompt.takes(said):
            taken.append(said.strip())
        elif said is not None:
            stage.person.ask(prompt)
        return bool(taken)

    stage.emit(Asked(at_s=stage.at_s, step=stage.path, text=prompt.text, hint=prompt.hint, picture=prompt.picture))
    stage.person.ask(prompt)
    with stage.handled_by_person(pressed):
        came = stage.wait(heard, within=patience, every=LOOK_EVERY)
    stage.emit(Answered(at_s=stage.at_s, step=stage.path, answer=taken[0] if came else None))
    if not came:
        raise Stopped(f"nobody answered within {patience:g} s: {prompt.text}")
    return taken[0]


def _prompt(question: Question) -> Prompt:
    expected = "" if question.answer == SERIAL_NUMBER else question.answer
    return Prompt(question.text, expected, question.picture or "", may_skip=question.optional is not None)


def _judge(stage: Stage, name: str, question: Question, answer: str) -> None:
    stage.note(f"{question.text} {answer}")
    if answer.lower() == SKIP:
        stage.note(f"left out: {question.optional}")
    elif question.answer == SERIAL_NUMBER:
        if answer != stage.serial_number:
            raise Blocked(
                f"serial number {stage.serial_number} was scanned, and the label says {answer}: scan it again"
            )
        stage.expect(name, answer, stage.serial_number, witness="operator")
    else:
        good = answer.lower() == question.answer.lower()
        reason = f"{question.text} {answer.removeprefix(f'{OTHERWISE}:').strip()}"
        stage.expect(name, question.answer if good else answer, question.answer, reason, witness="operator")
