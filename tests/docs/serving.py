"""A real server around an app of a page, and curl's words as real requests to it."""

from __future__ import annotations

import argparse
import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPConnection
from urllib.parse import urlsplit

from flask import Flask
from werkzeug.serving import WSGIRequestHandler, make_server

#: How long one answer may take before the test gives up, in seconds.
PATIENCE_S = 30.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    """By name in lower case."""
    body: str


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: object) -> None:
        """Say nothing: the events of the app are what the pages show."""


@contextlib.contextmanager
def served(app: Flask) -> Iterator[int]:
    """Serve *app* on a free port of this machine until the block ends."""
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Quiet)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join(PATIENCE_S)
        server.server_close()


def curl(words: list[str], port: int) -> Answer:
    """Do what ``curl`` with *words* does, against *port* instead of the port that stands there.

    Options that curl does not have, or that no page needs, are an error.
    """
    said = _curl_options().parse_args(words)
    url = urlsplit(said.url)
    assert url.scheme == "http", f"a page may only call plain http here: {said.url}"
    assert url.hostname == "127.0.0.1", f"a page may only call this machine: {said.url}"
    headers = dict(header.split(": ", 1) for header in said.header)
    method = said.request or ("POST" if said.data is not None else "GET")
    # Several -d are joined as curl joins them.
    body = None if said.data is None else "&".join(said.data)
    if body is not None:
        headers.setdefault("Content-Type", "application/x-www-form-urlencoded")
    connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    with contextlib.closing(connection):
        path = url.path + (f"?{url.query}" if url.query else "")
        connection.request(method, path or "/", body=body, headers=headers)
        answer = connection.getresponse()
        named = {name.lower(): value for name, value in answer.getheaders()}
        return Answer(answer.status, named, answer.read().decode())


def _curl_options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("curl", exit_on_error=False, allow_abbrev=False)
    parser.add_argument("-i", "--include", action="store_true")
    parser.add_argument("-s", "--silent", action="store_true")
    parser.add_argument("-X", "--request")
    parser.add_argument("-H", "--header", action="append", default=[])
    parser.add_argument("-d", "--data", action="append")
    parser.add_argument("url")
    return parser
