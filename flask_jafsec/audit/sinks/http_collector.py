"""Events posted to a collector as JSON over HTTP. Which address that is, is parsed elsewhere."""

from __future__ import annotations

import http.client
import io
import math
import socket
import ssl
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Final, Literal

from flask_jafsec.audit.sinks.connecting import BoundedReader, Deadline, connect, failing_as
from flask_jafsec.audit.sinks.rendering import ExportRecord
from flask_jafsec.audit.sinks.target import TIMEOUT_S, RecordRefused, TargetFailed, TlsInvalid
from flask_jafsec.protocols import Clock

#: Bytes of one request's body at most; many collectors take no more.
MAX_BODY_BYTES: Final = 1024 * 1024

#: Bytes of an answer that are read; what they say is not used.
MAX_ANSWER_BYTES: Final = 64 * 1024

#: Bytes sent at once: one record of TLS. Source: RFC 8446 section 5.1.
_PIECE: Final = 16 * 1024

#: Answers that mean: this will never be taken. Every other refusal (401, 404, ...) is about us or
#: about the address, and an operator can mend it.
REFUSED: Final = frozenset({400, 413, 422})

#: Answers that may say when to come back. Source: RFC 9110 section 10.2.3, RFC 6585 section 4.
_SAYS_WHEN: Final = frozenset({429, 503})

#: One JSON value a line, or one list.
Form = Literal["ndjson", "array"]

_TYPES: Final = {"ndjson": "application/x-ndjson", "array": "application/json"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a collector is, and how to speak to it."""

    host: str
    port: int
    path: str
    is_tls: bool = True
    ca_file: str = ""
    """Certificates to trust instead of the system's; empty for the system's."""
    form: Form = "ndjson"
    token: str = field(default="", repr=False)

    @property
    def shown(self) -> str:
        """The address as it may be shown."""
        scheme, usual = ("https", 443) if self.is_tls else ("http", 80)
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == usual else f":{self.port}"
        return f"{scheme}://{host}{port}{self.path}"


class HttpCollector:
    """Posts each batch in one request on a connection of its own; 2xx confirms it."""

    def __init__(self, address: Address, clock: Clock, *, timeout_s: float = TIMEOUT_S) -> None:
        self._address = address
        self._clock = clock
        self._timeout_s = timeout_s
        self.name = address.shown

    def send(self, records: Sequence[ExportRecord]) -> None:
        """Post *records*.

        Raises:
            TargetFailed: No confirmation came.
            TlsInvalid: The collector could not prove who it is.
            RecordRefused: It answered 400, 413 or 422; ``index`` is set for a single record.
        """
        body = self._body(records)
        try:
            with failing_as("posting"):
                status, retry_after_s = self._post(body)
        except http.client.HTTPException as error:
            raise TargetFailed(f"posting: no HTTP answer ({type(error).__name__})") from error
        if 200 <= status <= 299:
            return
        if status in REFUSED:
            index = 0 if len(records) == 1 else None
            raise RecordRefused(f"the collector answers {status}", index)
        raise TargetFailed(_meaning(status), retry_after_s if status in _SAYS_WHEN else None)

    def _body(self, records: Sequence[ExportRecord]) -> bytes:
        lines = [record.line for record in records]
        if self._address.form == "array":
            body = f"[{','.join(lines)}]".encode("ascii")
        else:
            body = "".join(f"{line}\n" for line in lines).encode("ascii")
        if len(body) > MAX_BODY_BYTES:
            # As a collector would say it: fewer at once.
            raise RecordRefused("the batch is too large", 0 if len(records) == 1 else None)
        return body

    def _post(self, body: bytes) -> tuple[int, float | None]:
        address = self._address
        connection = http.client.HTTPConnection(address.host, address.port)
        if address.is_tls:
            connection.default_port = http.client.HTTPS_PORT
        with closing(self._opened()) as opened:
            connection.sock = _Bounded(opened, self._clock, self._timeout_s)
            connection.request("POST", address.path, body, self._headers())
            answer = connection.getresponse()
            read = answer.read(MAX_ANSWER_BYTES)
            if answer.length and len(read) < MAX_ANSWER_BYTES:
                raise TargetFailed("posting: the answer ends in its middle")
            return answer.status, self._retry_after(answer.getheader("Retry-After"))

    def _headers(self) -> Mapping[str, str]:
        headers = {
            "Content-Type": _TYPES[self._address.form],
            "User-Agent": "flask-jafsec",
            "Connection": "close",
        }
        if self._address.token:
            headers["Authorization"] = f"Bearer {self._address.token}"
        return headers

    def _opened(self) -> socket.socket:
        raw = connect(self._address.host, self._address.port, self._timeout_s)
        try:
            return self._secured(raw) if self._address.is_tls else raw
        except BaseException:
            raw.close()
            raise

    def _secured(self, raw: socket.socket) -> ssl.SSLSocket:
        """Return the connection once the collector has proved who it is."""
        try:
            context = ssl.create_default_context(cafile=self._address.ca_file or None)
            return context.wrap_socket(raw, server_hostname=self._address.host)
        except (ssl.SSLEOFError, ssl.SSLZeroReturnError, TimeoutError, ConnectionError):
            raise
        except ssl.SSLCertVerificationError as error:
            raise TlsInvalid(f"the certificate is not valid: {error.verify_message}") from error
        except ssl.SSLError as error:
            raise TlsInvalid(f"no TLS is spoken there: {error.reason}") from error
        except (FileNotFoundError, PermissionError, IsADirectoryError) as error:
            raise TlsInvalid("the file of trusted certificates cannot be read") from error

    def _retry_after(self, text: str | None) -> float | None:
        """Return the wait in seconds. Source: RFC 9110 section 10.2.3 (seconds, or a date)."""
        if text is None:
            return None
        if text.isascii() and text.strip().isdigit():
            return float(min(int(text.strip()[:9]), 10**9))
        try:
            wait = (parsedate_to_datetime(text) - self._clock.now()).total_seconds()
        except (ValueError, TypeError, OverflowError):
            return None
        return wait if math.isfinite(wait) and wait > 0 else None


class _Bounded:
    """As much of a socket as http.client uses; sending ends at a deadline, and so does reading."""

    def __init__(self, connection: socket.socket, clock: Clock, timeout_s: float) -> None:
        self._connection = connection
        self._clock = clock
        self._timeout_s = timeout_s
        self._sending = Deadline(clock, timeout_s)

    def sendall(self, data: bytes) -> None:
        # In pieces: a TLS connection takes its time limit for each of its records.
        for start in range(0, len(data), _PIECE):
            self._connection.settimeout(self._sending.left())
            self._connection.sendall(data[start : start + _PIECE])

    def makefile(self, _mode: str) -> io.BufferedReader:
        deadline = Deadline(self._clock, self._timeout_s)
        return io.BufferedReader(BoundedReader(self._connection, deadline))

    def close(self) -> None:
        # http.client closes before the answer's body is read; whoever opened it closes it.
        pass


def _meaning(status: int) -> str:
    if 300 <= status <= 399:
        # Following it would hand the events, and the token, to whoever it names.
        return f"the collector answers {status}; redirects are not followed, write the new address"
    if status in {401, 403}:
        return f"the collector answers {status}; check JAFSEC_AUDIT_EXPORT_TOKEN"
    return f"the collector answers {status}"
