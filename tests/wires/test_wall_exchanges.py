"""Exchanges on the wall: those of a client one after the other, pieces of a serial line as they come."""

from __future__ import annotations

import math

from station.twin.exchanges import Connection, Exchange, IdleClients, Timers


def connection(*, lines: bool) -> Connection:
    return Connection("role", "name", bytes, lambda data: None, lambda: None, lambda data: iter_nothing(), lines)


def iter_nothing() -> Exchange:
    yield from ()


class Log(list[str]):
    """What began and ended, in order."""

    def exchange(self, name: str, *seconds: float) -> Exchange:
        self.append(f"{name} begins")
        yield from seconds
        self.append(f"{name} ends")


def test_a_client_waits_for_its_own_answers_and_another_does_not_wait_for_it() -> None:
    timers, log, client, other = Timers(), Log(), connection(lines=True), connection(lines=True)
    timers.begin(client, log.exchange("a", 1.0, 1.0), now=0.0)
    timers.begin(client, log.exchange("b", 1.0), now=0.1)
    timers.begin(client, log.exchange("c"), now=0.2)
    timers.begin(other, log.exchange("x", 0.5), now=0.3)
    assert log == ["a begins", "x begins"]
    assert timers.due == 0.8
    timers.go_on(0.9)
    timers.go_on(1.9)
    assert log[2:] == ["x ends"]
    timers.go_on(10.0)
    assert log[3:] == ["a ends", "b begins", "b ends", "c begins", "c ends"]
    assert timers.due == math.inf
    timers.begin(client, log.exchange("d", 1.0), now=11.0)
    assert timers.due == 12.0


def test_what_is_late_is_made_up_for_from_the_moment_that_it_was_due() -> None:
    timers, log, client = Timers(), Log(), connection(lines=True)
    timers.begin(client, log.exchange("a", 1.0, 1.0), now=0.0)
    timers.go_on(1.7)
    assert timers.due == 2.0


def test_the_pieces_of_a_serial_line_do_not_wait_for_each_other() -> None:
    timers, log, line = Timers(), Log(), connection(lines=False)
    timers.begin(line, log.exchange("a", 1.0), now=0.0)
    timers.begin(line, log.exchange("b", 0.2), now=0.1)
    timers.go_on(0.5)
    assert log == ["a begins", "b begins", "b ends"]


def test_in_a_hurry_everything_ends_in_its_order() -> None:
    timers, log, client = Timers(), Log(), connection(lines=True)
    timers.begin(client, log.exchange("a", 1.0, 1.0), now=0.0)
    timers.begin(client, log.exchange("b", 5.0), now=0.0)
    timers.hurry()
    assert log == ["a begins", "a ends", "b begins", "b ends"]
    assert (timers.due, client.busy) == (math.inf, False)


def test_idle_clients_are_overdue_once_and_those_that_may_be_idle_never() -> None:
    idle, client, patient = IdleClients(), connection(lines=True), connection(lines=True)
    idle.heard(patient, 0.0, math.inf)
    assert idle.next_due == math.inf
    idle.heard(client, 0.0, 5.0)
    idle.heard(client, 3.0, 5.0)
    assert (idle.next_due, idle.overdue(7.9)) == (8.0, [])
    assert (idle.overdue(8.0), idle.next_due, idle.overdue(9.0)) == ([client], math.inf, [])
    idle.heard(client, 10.0, 5.0)
    idle.heard(client, 11.0, math.inf)
    assert idle.next_due == math.inf
