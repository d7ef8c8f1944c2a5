"""Exchanges on the wall: those of a client one after the other, pieces of a serial line as they come."""

from __future__ import annotations

import math
import socket
from contextlib import ExitStack

import numpy as np

from station.clock import WallClock
from station.twin.exchanges import Connection, Exchange, IdleClients, Timers
from station.twin.instruments.keysight_daq970a import DataAcquisition
from station.twin.server import Server

PATIENCE = 20.0
"""Wall seconds for an answer on a busy machine."""


def connection(*, lines: bool, role: str = "role") -> Connection:
    return Connection(role, "name", bytes, lambda data: None, lambda: None, lambda data: iter_nothing(), lines)


def iter_nothing() -> Exchange:
    yield from ()


class Log(list[str]):
    """What began and ended, in order."""

    def exchange(self, name: str, *seconds: float) -> Exchange:
        self.append(f"{name} begins")
        yield from seconds
        self.append(f"{name} ends")


def test_an_instrument_takes_one_message_after_the_other_whoever_sends_them() -> None:
    timers, log, client, other = Timers(), Log(), connection(lines=True), connection(lines=True)
    elsewhere = connection(lines=True, role="elsewhere")
    timers.begin(client, log.exchange("a", 1.0, 1.0), now=0.0)
    timers.begin(other, log.exchange("b", 1.0), now=0.1)
    timers.begin(client, log.exchange("c"), now=0.2)
    timers.begin(elsewhere, log.exchange("x", 0.5), now=0.3)
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


def test_each_of_two_clients_gets_the_channel_that_it_measures() -> None:
    meter = DataAcquisition(serial="SN1", rng=np.random.default_rng(1), voltages={101: lambda: 1.0, 106: lambda: 50.0})
    server = Server(WallClock(), meter.tick, lambda: meter.next_due)
    server.add_instrument("switch", meter)
    server.start()
    host, port = server.addresses["switch"].split("::")[1:3]
    try:
        with ExitStack() as stack:
            clients = [stack.enter_context(socket.create_connection((host, int(port)), PATIENCE)) for _ in range(2)]
            for _ in range(5):
                for client, channel in zip(clients, (101, 106), strict=True):
                    client.sendall(f"MEAS:VOLT:DC? (@{channel})\n".encode())
                assert [round(float(client.makefile().readline()), 1) for client in clients] == [1.0, 50.0]
    finally:
        server.stop()


def test_what_a_client_asked_that_is_gone_is_done_at_once_and_holds_up_nobody() -> None:
    timers, log, client, other = Timers(), Log(), connection(lines=True), connection(lines=True)
    timers.begin(client, log.exchange("a", 1.0, 600.0), now=0.0)
    timers.begin(other, log.exchange("b", 1.0), now=0.1)
    timers.begin(client, log.exchange("c", 600.0), now=0.2)
    client.gone = True
    timers.forget(client, now=0.3)
    assert log == ["a begins", "a ends", "b begins"]
    assert timers.due == 1.3
    timers.go_on(1.3)
    assert log[3:] == ["b ends", "c begins", "c ends"]
    assert timers.due == math.inf


def test_a_thousand_messages_that_take_no_time_are_taken_one_after_the_other() -> None:
    timers, log, client = Timers(), Log(), connection(lines=True)
    timers.begin(client, log.exchange("first", 1.0), now=0.0)
    for count in range(3000):
        timers.begin(client, log.exchange(str(count)), now=0.1)
    timers.go_on(1.0)
    assert log[-1] == "2999 ends"


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
    assert timers.due == math.inf
    timers.begin(client, log.exchange("c"), now=0.0)
    assert log[4:] == ["c begins", "c ends"]


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
