"""The HTTP collector: 2xx confirms, nothing else does, and a hostile one gains nothing."""

from __future__ import annotations

import itertools
import json
import socket
import threading
from typing import Any

import pytest

from flask_jafsec.audit.sinks.http_collector import MAX_BODY_BYTES, Address, HttpCollector
from flask_jafsec.audit.sinks.target import RecordRefused, TargetFailed
from flask_jafsec.clock import SystemClock
from tests.audit.chains import TestClock
from tests.audit.sinks.collecting import TOKEN, collector
from tests.audit.sinks.made import HOSTILE, event, hostile_records, leaves_of, record
from tests.audit.sinks.receivers import (
    Receiver,
    answering,
    read_request,
    reset_after,
    silent_until,
    status,
    tcp_receiver,
)


def post(answer: bytes, *, count: int = 1, **about: Any) -> bytes:
    """Post to a collector that answers *answer*; return the request it got."""
    with tcp_receiver(answering(answer)) as receiver:
        collector(receiver.port, **about).send([record(event(), leaf) for leaf in range(count)])
        return receiver.wait_for(1)[0]


@pytest.mark.parametrize("code", [200, 201, 202, 204])
def test_any_success_confirms(code: int) -> None:
    request = post(status(code))

    head, _, body = request.partition(b"\r\n\r\n")
    assert head.startswith(b"POST /in HTTP/1.1\r\n")
    assert b"Content-Type: application/x-ndjson" in head
    assert b"Authorization" not in head
    assert json.loads(body)["leaf_index"] == 0


def test_each_event_is_one_line() -> None:
    with tcp_receiver(answering(status(200))) as receiver:
        collector(receiver.port).send(hostile_records())
        (request,) = receiver.wait_for(1)

    body = request.partition(b"\r\n\r\n")[2]
    assert leaves_of(body.splitlines()) == list(range(len(HOSTILE)))
    assert leaves_of(body.decode().splitlines()) == list(range(len(HOSTILE)))  # type: ignore[arg-type]


def test_each_event_is_one_member_of_a_list() -> None:
    with tcp_receiver(answering(status(200))) as receiver:
        collector(receiver.port, form="array").send(hostile_records())
        (request,) = receiver.wait_for(1)

    head, _, body = request.partition(b"\r\n\r\n")
    assert b"Content-Type: application/json" in head
    assert [values["leaf_index"] for values in json.loads(body)] == list(range(len(HOSTILE)))


def test_the_token_goes_into_the_header_and_nowhere_else() -> None:
    address = Address(host="h", port=1, path="/", token=TOKEN)

    request = post(status(200), token=TOKEN)

    assert f"Authorization: Bearer {TOKEN}".encode() in request
    assert TOKEN not in repr(address)
    assert TOKEN not in address.shown


@pytest.mark.parametrize("code", [400, 413, 422])
def test_a_refusal_names_the_record_when_it_is_alone(code: int) -> None:
    with pytest.raises(RecordRefused, match=str(code)) as alone:
        post(status(code))
    with pytest.raises(RecordRefused) as among:
        post(status(code), count=2)

    assert alone.value.index == 0
    assert among.value.index is None


@pytest.mark.parametrize("code", [401, 403, 404, 405, 408, 415, 429, 500, 502, 503, 199, 600, 999])
def test_every_other_answer_is_a_failure(code: int) -> None:
    with pytest.raises(TargetFailed, match="the collector answers"):
        post(status(code))


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(code: int) -> None:
    with tcp_receiver(answering(status(200))) as elsewhere:
        target = f"Location: http://127.0.0.1:{elsewhere.port}/steal"

        with pytest.raises(TargetFailed, match="redirects are not followed"):
            post(status(code, target), token=TOKEN)

        assert elsewhere.taken == []


@pytest.mark.parametrize(
    ("written", "wait_s"),
    [
        ("7", 7.0),
        ("0", 0.0),
        ("Sun, 22 Nov 2026 18:41:00 GMT", 60.0),
        ("Sun, 22 Nov 2020 18:41:00 GMT", None),
        ("soon", None),
        ("-5", None),
        ("1e9", None),
        ("9" * 400, 999_999_999.0),
        ("\u00b2", None),
    ],
)
@pytest.mark.parametrize("code", [429, 503])
def test_a_busy_collector_says_when(code: int, written: str, wait_s: float | None) -> None:
    answer = status(code, f"Retry-After: {written}".encode().decode("latin-1"))

    with pytest.raises(TargetFailed) as failed:
        post(answer, clock=TestClock())

    assert failed.value.retry_after_s == wait_s


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 2",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhal",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"SSH-2.0-OpenSSH_9.9\r\n",
        b"\x00" * 100,
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 200 " + b"x" * 70_000,
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n",
    ],
    ids=str,
)
def test_half_an_answer_or_none_of_http_confirms_nothing(answer: bytes) -> None:
    with pytest.raises(TargetFailed):
        post(answer)


@pytest.mark.parametrize("count", [0, 10])
def test_a_reset_confirms_nothing(count: int) -> None:
    with tcp_receiver(reset_after(count)) as receiver, pytest.raises(TargetFailed):
        collector(receiver.port).send([record(event(), leaf) for leaf in range(500)])


def test_a_silent_collector_is_left_in_time() -> None:
    over = threading.Event()
    with tcp_receiver(silent_until(over)) as receiver:
        with pytest.raises(TargetFailed, match="timed out"):
            collector(receiver.port, timeout_s=0.2).send([record(event())])
        over.set()


def test_a_collector_that_drips_its_answer_is_left_at_the_deadline() -> None:
    class Ticking(SystemClock):
        """Two seconds pass at every look."""

        def __init__(self) -> None:
            super().__init__()
            self.monotonic = itertools.count(0, 2).__next__

    def drip(connection: socket.socket, receiver: Receiver) -> None:
        read_request(connection)
        while True:
            connection.sendall(b"H")

    with tcp_receiver(drip) as receiver, pytest.raises(TargetFailed, match="timed out"):
        collector(receiver.port, clock=Ticking(), timeout_s=9).send([record(event())])


def test_an_endless_answer_is_not_read() -> None:
    def talk(connection: socket.socket, receiver: Receiver) -> None:
        receiver.take(read_request(connection))
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            connection.sendall(b"x" * 10_000)

    with tcp_receiver(talk) as receiver:
        collector(receiver.port).send([record(event())])

        assert len(receiver.wait_for(1)) == 1


def test_a_body_is_never_larger_than_a_mebibyte() -> None:
    size = len(record(event(route="x" * 250)).line)
    records = [record(event(route="x" * 250))] * (MAX_BODY_BYTES // size + 1)

    with pytest.raises(RecordRefused, match="too large") as refused:
        collector(1).send(records)

    assert refused.value.index is None


@pytest.mark.parametrize(
    ("about", "shown"),
    [
        ({}, "https://siem.example/in"),
        ({"port": 8443}, "https://siem.example:8443/in"),
        ({"is_tls": False, "port": 80}, "http://siem.example/in"),
        ({"host": "::1"}, "https://[::1]/in"),
        ({"token": TOKEN, "ca_file": "/x"}, "https://siem.example/in"),
    ],
)
def test_a_name_is_the_address_alone(about: dict[str, Any], shown: str) -> None:
    values: dict[str, Any] = {"host": "siem.example", "port": 443, "path": "/in"}

    assert HttpCollector(Address(**(values | about)), SystemClock()).name == shown
