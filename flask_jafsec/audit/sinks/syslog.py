"""Events as syslog messages over UDP or TCP. Source: RFC 5424, RFC 5426, RFC 6587 section 3.4.1."""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import Final

from flask_jafsec.audit.sinks.connecting import (
    BoundedReader,
    Deadline,
    connect,
    datagrams_to,
    failing_as,
)
from flask_jafsec.audit.sinks.rendering import ExportRecord, shortened
from flask_jafsec.audit.sinks.target import TIMEOUT_S, TargetFailed
from flask_jafsec.events import Severity
from flask_jafsec.protocols import Clock

APP_NAME: Final = "flask-jafsec"

#: The id of our structured data. 32473 is the enterprise number kept for examples, and for whoever
#: has none. Source: RFC 5612.
SD_ID: Final = "jafsec@32473"

#: "log audit". Source: RFC 5424 section 6.2.1, table 1.
FACILITY: Final = 13

#: Bytes of one datagram: what every receiver should take. Source: RFC 5424 section 6.1.
MAX_DATAGRAM: Final = 2_048

#: Our severities in syslog's numbers. Source: RFC 5424 section 6.2.1, table 2.
_SEVERITY: Final[Mapping[int, int]] = {
    Severity.CRITICAL: 2,
    Severity.ERROR: 3,
    Severity.WARNING: 4,
    Severity.NOTICE: 5,
    Severity.INFO: 6,
    Severity.DEBUG: 7,
}

#: Parameters of the structured data, and the members of a record they repeat.
_PARAMETERS: Final = {
    "id": "id",
    "leaf": "leaf_index",
    "outcome": "outcome",
    "actor": "actor",
    "subject": "subject",
    "address": "address",
    "key": "key_id",
    "status": "status",
    "error": "error",
}

#: Characters of one parameter.
_MAX_VALUE: Final = 64

#: Bytes a receiver may say before we stop listening: syslog has no answers.
_MAX_CHATTER: Final = 4_096

#: Before the text, as the standard asks for UTF-8. Source: RFC 5424 section 6.4.
_BOM: Final = b"\xef\xbb\xbf"

_NOT_PRINTABLE: Final = re.compile(r"[^!-~]+")
_NOT_TEXT: Final = re.compile(r"[^ -~]")
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", re.ASCII)


def message_of(record: ExportRecord, *, host: str, facility: int, max_bytes: int = 0) -> bytes:
    """Return one syslog message.

    Args:
        max_bytes: Where above zero, the JSON inside is shortened until the whole fits.
    """
    level = _SEVERITY.get(record.severity, _SEVERITY[Severity.CRITICAL])
    at = record.text("at")
    head = (
        f"<{facility * 8 + level}>1 {at if _TIME.fullmatch(at) else '-'} {_word(host, 255)} "
        f"{APP_NAME} {_word(record.text('writer'), 128)} {_word(record.text('type'), 32)} "
        f"{_structured(record)} "
    ).encode() + _BOM
    line = shortened(record, max_bytes - len(head)) if max_bytes else record.line
    return head + line.encode()


class SyslogUdp:
    """One datagram for each event. UDP confirms nothing: what a network loses is lost."""

    def __init__(
        self, host: str, port: int, *, own_host: str, facility: int, timeout_s: float = TIMEOUT_S
    ) -> None:
        self._place = (host, port)
        self._own_host = own_host
        self._facility = facility
        self._timeout_s = timeout_s
        self.name = f"syslog+udp://{_shown(host)}:{port}"

    def send(self, records: Sequence[ExportRecord]) -> None:
        """Send *records*. Raises TargetFailed where the system knows that nobody listens."""
        with (
            failing_as("sending datagrams"),
            closing(datagrams_to(*self._place, self._timeout_s)) as socket_,
        ):
            for record in records:
                socket_.send(
                    message_of(
                        record,
                        host=self._own_host,
                        facility=self._facility,
                        max_bytes=MAX_DATAGRAM,
                    )
                )
            # "Nobody there" comes back as a message of its own, and waits here.
            if error := socket_.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                raise OSError(error, "refused")


class SyslogTcp:
    """Messages with their length in front, over one connection for each batch.

    Syslog has no answers, and what the system took may still be lost with a connection. So each
    batch ends by saying that nothing more comes; a receiver that then closes its side without an
    error has read everything before.
    """

    def __init__(
        self,
        host: str,
        port: int,
        clock: Clock,
        *,
        own_host: str,
        facility: int,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self._place = (host, port)
        self._clock = clock
        self._own_host = own_host
        self._facility = facility
        self._timeout_s = timeout_s
        self.name = f"syslog+tcp://{_shown(host)}:{port}"

    def send(self, records: Sequence[ExportRecord]) -> None:
        """Send *records*. Raises TargetFailed."""
        framed = b"".join(self._framed(record) for record in records)
        with failing_as("connecting"):
            connection = connect(*self._place, self._timeout_s)
        with closing(connection), failing_as("sending"):
            connection.sendall(framed)
            connection.shutdown(socket.SHUT_WR)
            self._await_end(connection)

    def _framed(self, record: ExportRecord) -> bytes:
        message = message_of(record, host=self._own_host, facility=self._facility)
        return b"%d %s" % (len(message), message)

    def _await_end(self, connection: socket.socket) -> None:
        said = BoundedReader(connection, Deadline(self._clock, self._timeout_s))
        buffer = bytearray(_MAX_CHATTER)
        heard = 0
        while count := said.readinto(buffer):
            heard += count
            if heard > _MAX_CHATTER:
                raise TargetFailed("the receiver answers, so it is none of syslog")


def _structured(record: ExportRecord) -> str:
    pairs = [
        f'{name}="{_escaped(record.text(member))}"'
        for name, member in _PARAMETERS.items()
        if member in record.values
    ]
    return f"[{' '.join([SD_ID, *pairs])}]"


def _escaped(text: str) -> str:
    # A bracket or quote in a request id would end the element, and begin one of a stranger's.
    # Source: RFC 5424 section 6.3.3.
    plain = _NOT_TEXT.sub("?", text[:_MAX_VALUE])
    return plain.replace("\\", "\\\\").replace('"', '\\"').replace("]", "\\]")


def _word(text: str, max_chars: int) -> str:
    return _NOT_PRINTABLE.sub("_", text)[:max_chars] or "-"


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host
