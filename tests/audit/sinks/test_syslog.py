"""Syslog: one event, one message, whatever it holds; confirmed only when it was read."""

from __future__ import annotations

import json
import re
import socket
import threading
from typing import Any

import pytest
from hypothesis import given

from flask_jafsec.audit.sinks.rendering import missing
from flask_jafsec.audit.sinks.syslog import (
    MAX_DATAGRAM,
    SyslogTcp,
    SyslogUdp,
    message_of,
)
from flask_jafsec.audit.sinks.target import TargetFailed
from flask_jafsec.clock import SystemClock
from flask_jafsec.events import Event, Severity
from tests.audit.sinks.made import HOSTILE, event, events, hostile_records, record
from tests.audit.sinks.receivers import (
    Receiver,
    read_all,
    reset_after,
    silent_until,
    tcp_receiver,
    udp_receiver,
)

# Written after the ABNF of RFC 5424 section 6, not after our code.
_NAME = r"[!-~]"
_TIME = r"-|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z"
_VALUE = r'(?:[^"\\\]]|\\["\\\]])*'
MESSAGE = re.compile(
    rf"<(?P<pri>[1-9]?[0-9]|1[0-8][0-9]|19[01])>1 (?P<at>{_TIME})"
    rf" (?P<host>{_NAME}{{1,255}}) (?P<app>{_NAME}{{1,48}}) (?P<proc>{_NAME}{{1,128}})"
    rf" (?P<msgid>{_NAME}{{1,32}}) (?P<data>\[jafsec@32473(?: [a-z]+=\"{_VALUE}\")*\])"
    " \ufeff(?P<text>.*)"
)


def parsed(message: bytes) -> dict[str, Any]:
    found = MESSAGE.fullmatch(message.decode())
    assert found, message
    return found.groupdict()


def udp(port: int) -> SyslogUdp:
    return SyslogUdp("127.0.0.1", port, own_host="web1", facility=13, timeout_s=20)


def tcp(port: int, timeout_s: float = 20) -> SyslogTcp:
    return SyslogTcp(
        "127.0.0.1", port, SystemClock(), own_host="web1", facility=13, timeout_s=timeout_s
    )


def frames(stream: bytes) -> list[bytes]:
    """Return the messages of a stream. Source: RFC 6587 section 3.4.1."""
    found = []
    while stream:
        length, _, rest = stream.partition(b" ")
        assert not length.startswith(b"0")
        found.append(rest[: int(length)])
        assert len(found[-1]) == int(length)
        stream = rest[int(length) :]
    return found


def test_a_message_says_what_the_standard_asks_for() -> None:
    message = parsed(message_of(record(event()), host="web1", facility=13))

    assert message["pri"] == str(13 * 8 + 4)
    assert message["at"] == "2026-11-22T17:40:00.123456Z"
    assert message["host"] == "web1"
    assert message["app"] == "flask-jafsec"
    assert message["proc"] == "a1b2c3d4e5f60718"
    assert message["msgid"] == "auth.token.rejected"
    assert message["data"].startswith(
        '[jafsec@32473 id="01ARZ3NDEKTSV4RRFFQ69G5FAV" leaf="5" outcome="deny"'
    )
    assert json.loads(message["text"])["leaf_index"] == 5


@pytest.mark.parametrize(
    ("severity", "number"),
    [
        (Severity.CRITICAL, 2),
        (Severity.ERROR, 3),
        (Severity.WARNING, 4),
        (Severity.NOTICE, 5),
        (Severity.INFO, 6),
        (Severity.DEBUG, 7),
    ],
)
def test_severities_are_those_of_syslog(severity: Severity, number: int) -> None:
    message = parsed(message_of(record(event(severity=severity)), host="h", facility=0))

    assert message["pri"] == str(number)


@given(events)
def test_nothing_in_an_event_breaks_the_form(happened: Event) -> None:
    message = message_of(record(happened), host="a host\n", facility=23)

    assert parsed(message)["host"] == "a_host_"
    assert b"\n" not in message


@given(events)
def test_a_datagram_is_small_enough_and_still_whole(happened: Event) -> None:
    message = message_of(record(happened), host="web1", facility=13, max_bytes=MAX_DATAGRAM)

    assert len(message) <= MAX_DATAGRAM
    assert json.loads(parsed(message)["text"])["leaf_index"] == 5


def test_a_record_without_an_event_is_a_message_too() -> None:
    message = parsed(message_of(missing(9), host="", facility=13))

    assert (message["at"], message["host"], message["proc"]) == ("-", "-", "-")
    assert 'leaf="9" error="missing"' in message["data"]


def test_each_event_is_one_datagram() -> None:
    with udp_receiver() as receiver:
        udp(receiver.port).send(hostile_records())

        taken = receiver.wait_for(len(HOSTILE))

    leaves = [json.loads(parsed(message)["text"])["leaf_index"] for message in taken]
    assert leaves == list(range(len(HOSTILE)))
    assert "truncated" in json.loads(parsed(taken[-2])["text"])


@pytest.mark.parametrize("count", [1, 3])
def test_datagrams_that_nobody_takes_are_a_failure(count: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]

    with pytest.raises(TargetFailed, match="refused"):
        udp(port).send([record(event())] * count)


def test_each_event_is_one_message_of_the_stream() -> None:
    with tcp_receiver(read_all) as receiver:
        tcp(receiver.port).send(hostile_records())
        (stream,) = receiver.wait_for(1)

    leaves = [json.loads(parsed(message)["text"])["leaf_index"] for message in frames(stream)]
    assert leaves == list(range(len(HOSTILE)))


def test_a_large_batch_goes_through_a_narrow_connection() -> None:
    def read_slowly(connection: socket.socket, receiver: Receiver) -> None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32_768)
        taken = b""
        while piece := connection.recv(5_000):
            taken += piece
        receiver.take(taken)

    records = [record(event(route="x" * 250), leaf) for leaf in range(500)]
    with tcp_receiver(read_slowly) as receiver:
        tcp(receiver.port).send(records)
        (stream,) = receiver.wait_for(1)

    assert len(frames(stream)) == 500


@pytest.mark.parametrize("count", [0, 100])
def test_a_broken_connection_confirms_nothing(count: int) -> None:
    with (
        tcp_receiver(reset_after(count)) as receiver,
        pytest.raises(TargetFailed),
    ):
        tcp(receiver.port).send([record(event())] * 400)


def test_what_the_system_took_and_nobody_read_is_not_confirmed() -> None:
    over = threading.Event()
    with tcp_receiver(silent_until(over)) as receiver:
        with pytest.raises(TargetFailed, match="timed out"):
            tcp(receiver.port, timeout_s=0.2).send([record(event())])
        over.set()


def test_a_receiver_that_talks_without_end_is_left() -> None:
    def talk(connection: socket.socket, receiver: Receiver) -> None:
        while True:
            connection.sendall(b"x" * 1_000)

    with (
        tcp_receiver(talk) as receiver,
        pytest.raises(TargetFailed, match="none of syslog"),
    ):
        tcp(receiver.port).send([record(event())])


def test_nobody_there_is_a_failure() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]

    with pytest.raises(TargetFailed, match="connecting: Connection refused"):
        tcp(port).send([record(event())])


def test_names_are_stable_and_show_where() -> None:
    assert udp(514).name == "syslog+udp://127.0.0.1:514"
    assert SyslogUdp("::1", 514, own_host="h", facility=1).name == "syslog+udp://[::1]:514"
    assert tcp(601).name == "syslog+tcp://127.0.0.1:601"
