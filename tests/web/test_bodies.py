"""Bodies in pieces that are malformed: the caller's fault, on a real server."""

from __future__ import annotations

from pathlib import Path

import pytest

from flask_jafsec.web.bodies import ChunkedBody
from tests.apps import make_place


class Broken:
    def read(self, size: int = -1) -> bytes:
        raise ValueError("not a chunk")

    readline = readlines = read


@pytest.mark.parametrize("how", ["get_data", "get_json", "form"])
def test_a_body_that_breaks_while_it_is_read_is_400(how: str) -> None:
    place = make_place()

    @place.app.post("/read")
    @place.jafsec.public(limit=None)
    def read() -> str:
        from flask import request

        found = getattr(request, how)
        return str(found() if callable(found) else found)

    kind = {"get_json": "application/json", "form": "application/x-www-form-urlencoded"}
    answer = place.client.post(
        "/read",
        environ_overrides={
            "wsgi.input": Broken(),
            "wsgi.input_terminated": True,
            "HTTP_TRANSFER_ENCODING": "chunked",
        },
        content_type=kind.get(how, "text/plain"),
    )

    assert answer.status_code == 400


def test_a_good_body_is_read_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "body"
    file.write_bytes(b"one\ntwo\n")

    with file.open("rb") as stream:
        body = ChunkedBody(stream)
        assert (body.readline(), list(body)) == (b"one\n", [b"two\n"])
        stream.seek(0)
        assert (body.read(2), body.readlines()) == (b"on", [b"e\n", b"two\n"])
