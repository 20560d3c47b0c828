"""A hostile collector on real connections."""

from __future__ import annotations

import json
from typing import Any

from flask_jafsec.audit.sinks.http_collector import Address, HttpCollector
from flask_jafsec.clock import SystemClock
from tests.audit.chains import LogMaker
from tests.audit.exporting.setting import Setting
from tests.audit.sinks.receivers import (
    Behaviour,
    Receiver,
    answering,
    read_request,
    reset_after,
    status,
    tcp_receiver,
)


def takes_whole(taken: list[int]) -> Behaviour:
    def behave(connection: Any, receiver: Receiver) -> None:
        body = read_request(connection).partition(b"\r\n\r\n")[2]
        leaves = [json.loads(line)["leaf_index"] for line in body.splitlines()]
        if any(leaf % 97 == 96 for leaf in leaves):
            connection.sendall(status(400))
            return
        taken.extend(leaves)
        connection.sendall(status(200))

    return behave


def test_a_collector_that_does_everything_wrong_gets_every_event_in_order(log: LogMaker) -> None:
    log.grow(300)
    taken: list[int] = []
    wrong = [
        reset_after(0),
        reset_after(10),
        answering(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nha"),
        answering(status(429, "Retry-After: 3")),
        answering(status(500)),
        answering(status(503, "Retry-After: soon")),
        answering(b"garbage\r\n"),
    ]
    with tcp_receiver(*wrong, takes_whole(taken)) as receiver:
        address = Address(host="127.0.0.1", port=receiver.port, path="/", is_tls=False)
        collector = HttpCollector(address, SystemClock(), timeout_s=20)
        setting = Setting(log.store.exports, log.clock, collector)
        setting.run_to_the_end()

    assert taken == [leaf for leaf in range(300) if leaf % 97 != 96]
    assert [leaf for leaf, _ in setting.exports.dead(collector.name, 9)] == [290, 193, 96]


def test_after_an_outage_the_doubles_are_at_most_one_batch(log: LogMaker) -> None:
    log.grow(300)
    taken: list[int] = []

    def takes_and_resets(connection: Any, receiver: Receiver) -> None:
        body = read_request(connection).partition(b"\r\n\r\n")[2]
        taken.extend(json.loads(line)["leaf_index"] for line in body.splitlines())

    def takes(connection: Any, receiver: Receiver) -> None:
        takes_and_resets(connection, receiver)
        connection.sendall(status(200))

    with tcp_receiver(takes_and_resets, takes) as receiver:
        address = Address(host="127.0.0.1", port=receiver.port, path="/", is_tls=False)
        collector = HttpCollector(address, SystemClock(), timeout_s=20)
        Setting(log.store.exports, log.clock, collector).run_to_the_end()

    assert sorted(set(taken)) == list(range(300))
    assert len(taken) - 300 <= 300
