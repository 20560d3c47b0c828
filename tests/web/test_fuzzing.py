"""Whatever comes, the gate and what lies behind it answer with less than 500."""

from __future__ import annotations

import io
import json
from typing import Any

from flask import request
from hypothesis import given, settings
from hypothesis import strategies as st

from flask_jafsec.web.extension import state_of
from tests.apps import Place, make_place
from tests.web.test_bad_input import ask


def _fuzzed() -> Place:
    place = make_place(JAFSEC_ADDRESS_RATE="")

    @place.app.route("/read", methods=["GET", "POST"])
    @place.jafsec.public(limit=None)
    def read() -> dict[str, Any]:
        """Read everything a view can read, as views do."""
        return {
            "args": request.args.to_dict(flat=False),
            "form": request.form.to_dict(flat=False),
            "files": [file.filename for file in request.files.values()],
            "cookies": list(request.cookies),
            "json": request.get_json() if request.is_json else None,
            "url": request.url,
        }

    return place


# Latin-1, as servers hand headers over; without line breaks, which no server lets through.
_HEADER = st.text(st.characters(max_codepoint=255), max_size=200)
_PLACE = _fuzzed()
_TYPES = st.sampled_from(
    [
        "application/json",
        "application/json; charset=nothing",
        "application/x-www-form-urlencoded",
        "application/x-www-form-urlencoded; charset=\xff",
        "multipart/form-data",
        "multipart/form-data; boundary=b",
        "text/plain; charset=utf-7",
    ]
)
_BODY = st.binary(max_size=300) | st.binary(max_size=100).map(
    lambda part: b'--b\r\nContent-Disposition: form-data; name="' + part + b'"\r\n\r\nx\r\n--b--'
)


@settings(max_examples=400)
@given(
    authorization=st.none()
    | _HEADER
    | _HEADER.map("Bearer {}".format)
    | _HEADER.map("Bearer jfk_".__add__),
    x_api_key=st.none() | _HEADER,
    cookie=st.none() | _HEADER | _HEADER.map("jafsec_session=".__add__),
    origin=st.none() | _HEADER,
    accept=st.none() | _HEADER | _HEADER.map("text/html;".__add__),
    x_forwarded_proto=st.none() | _HEADER | st.just("https, http"),
    method=st.sampled_from(["GET", "POST", "OPTIONS", "HEAD"]) | _HEADER,
    path=_HEADER.map("/".__add__) | st.sampled_from(["/chat", "/public", "/agents", "/read"]),
    host=st.none() | _HEADER,
    query=_HEADER,
    content_type=_TYPES | _HEADER,
    body=_BODY,
)
def test_no_request_whatever_makes_the_gate_or_a_view_fail(
    method: str, path: str, query: str, content_type: str, body: bytes, **headers: str | None
) -> None:
    environ: dict[str, Any] = {
        f"HTTP_{name.upper()}": value for name, value in headers.items() if value is not None
    }
    environ |= {
        "QUERY_STRING": query,
        "CONTENT_TYPE": content_type,
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body),
    }

    status = ask(_PLACE, path, method, **environ)

    assert status < 500
    if path in {"/chat", "/agents"} and method in {"GET", "POST", "HEAD"}:
        assert status in {400, 401, 405, 429}


def _signed(claims: bytes) -> str:
    """Return a token that our own key has signed, whatever it says."""
    return state_of(_PLACE.app).tokens.keys.signer.sign({"typ": "at+jwt"}, claims)


def _good() -> dict[str, Any]:
    said = state_of(_PLACE.app).settings.tokens
    now = int(_PLACE.clock.time())
    return {
        "iss": said.issuer,
        "aud": said.audience,
        "sub": "mallory",
        "jti": "j" * 26,
        "iat": now,
        "exp": now + 60,
    }


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=300),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)
_CLAIM = st.sampled_from(
    ["iss", "aud", "sub", "jti", "iat", "exp", "nbf", "knd", "scope", "tenant", "fam", "other"]
)


def test_what_the_fuzzer_signs_is_genuine() -> None:
    headers = {"Authorization": f"Bearer {_signed(json.dumps(_good()).encode())}"}

    assert _PLACE.client.get("/public", headers=headers).text == "mallory"


@settings(max_examples=400)
@given(odd=st.dictionaries(_CLAIM, _JSON, min_size=1), left_out=st.sets(_CLAIM, max_size=2))
def test_no_claims_whatever_of_a_genuine_token_make_the_gate_fail(
    odd: dict[str, Any], left_out: set[str]
) -> None:
    claims = {name: value for name, value in (_good() | odd).items() if name not in left_out}

    text = _signed(json.dumps(claims).encode())

    assert ask(_PLACE, "/chat", HTTP_AUTHORIZATION=f"Bearer {text}") in {400, 401, 403, 429}


@settings(max_examples=200)
@given(raw=st.binary(max_size=300) | _JSON.map(lambda value: json.dumps(value).encode()))
def test_no_payload_whatever_of_a_genuine_token_makes_the_gate_fail(raw: bytes) -> None:
    status = ask(_PLACE, "/chat", HTTP_AUTHORIZATION=f"Bearer {_signed(raw)}")

    assert status in {400, 401, 429}
