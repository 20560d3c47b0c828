"""RFC 9421 on messages: the published examples, and every way to bend one."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from hypothesis import given
from hypothesis import strategies as st

from flask_jafsec.signing.algorithms import Algorithm, SigningKey, VerifyingKey
from flask_jafsec.signing.base import signature_base
from flask_jafsec.signing.components import component
from flask_jafsec.signing.errors import SignatureMalformed, SignatureRefused
from flask_jafsec.signing.message import Message
from flask_jafsec.signing.message_signatures import (
    SignaturePolicy,
    sign,
    signatures_in,
    verify,
)

VECTORS = json.loads(
    (Path(__file__).parents[1] / "vectors/http-message-signatures/appendix_b.json").read_text()
)
CASES = VECTORS["cases"]
CREATED = 1_618_884_473


def message_of(text: str) -> Message:
    """Return the message of an HTTP/1.1 text."""
    head, _, _ = text.partition("\n\n")
    first, *lines = head.split("\n")
    fields = {}
    for line in lines:
        name, _, value = line.partition(":")
        fields[name.lower()] = (value.strip(),)
    if first.startswith("HTTP/"):
        return Message(status=int(first.split()[1]), fields=fields)
    method, target, _ = first.split()
    path, mark, query = target.partition("?")
    return Message(
        method=method,
        host=fields["host"][0],
        path=path,
        query=query if mark else None,
        fields=fields,
    )


def signed(case: dict[str, str]) -> Message:
    """Return the case's message with its signature."""
    message = message_of(VECTORS["messages"][case["message"]])
    fields = {
        **message.fields,
        "signature-input": (case["signature_input"],),
        "signature": (case["signature"],),
    }
    if message.status is not None:
        # What the example prints as the body's digest is not what it signs; see SOURCE.md.
        (line,) = [one for one in case["base"].split("\n") if "content-digest" in one.split(":")[0]]
        fields["content-digest"] = (line.partition(": ")[2],)
    return replace(message, fields=fields)


def find_key(key_id: str) -> VerifyingKey | None:
    """Return the published key of an id."""
    keys = VECTORS["keys"].get(key_id)
    if keys is None:
        return None
    if "secret" in keys:
        return VerifyingKey.from_secret(key_id, base64.b64decode(keys["secret"]))
    return VerifyingKey.from_pem(key_id, keys["public"].encode())


#: What the examples fulfil: some cover nothing, most have no nonce.
LAX = SignaturePolicy(components=(), wants_nonce=False)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_every_published_base_is_ours(case: dict[str, str]) -> None:
    message = signed(case)
    (found,) = signatures_in(message)

    assert signature_base(found.covered, found.parameters, message).decode() == case["base"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_every_published_signature_holds(case: dict[str, str]) -> None:
    assert verify(signed(case), LAX, find_key, CREATED + 1).created == CREATED


def bent(message: Message) -> list[tuple[str, Message]]:
    """Return *message* with one thing changed, for each thing there is."""
    changed = [
        ("method", replace(message, method=message.method + "X")),
        ("path", replace(message, path=message.path + "/")),
        ("query", replace(message, query=(message.query or "") + "&Pet=cat")),
        ("host", replace(message, host="other.example")),
        ("status", replace(message, status=None if message.status is None else 201)),
    ]
    for name, values in message.fields.items():
        if name not in ("signature", "signature-input", "host"):
            changed.append((name, replace(message, fields={**message.fields, name: ("x",)})))
            changed.append(
                (name, replace(message, fields={**message.fields, name: (*values, "x")}))
            )
            without = {key: value for key, value in message.fields.items() if key != name}
            changed.append((name, replace(message, fields=without)))
    return changed


#: Names of components that a change of each thing is seen by.
SEEN_BY = {
    "method": {"@method"},
    "path": {"@path"},
    "query": {"@query", "@query-param"},
    "host": {"@authority"},
    "status": {"@status"},
}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_every_change_of_something_covered_is_refused_and_no_other(case: dict[str, str]) -> None:
    message = signed(case)
    (found,) = signatures_in(message)
    covered = {one.name for one in found.covered}

    for name, changed in bent(message):
        if changed == message:
            continue
        if SEEN_BY.get(name, {name}) & covered:
            with pytest.raises(SignatureRefused):
                verify(changed, LAX, find_key, CREATED)
        else:
            verify(changed, LAX, find_key, CREATED)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_no_character_of_the_signature_or_its_input_can_be_changed(case: dict[str, str]) -> None:
    message = signed(case)
    for name in ("signature", "signature-input"):
        (text,) = message.fields[name]
        for place in range(text.index("=") + 1, len(text)):
            for other in ("A", "b", "7", ")", '"', " "):
                if text[place] == other:
                    continue
                bad = text[:place] + other + text[place + 1 :]
                if _means_the_same(text, bad):
                    continue
                changed = replace(message, fields={**message.fields, name: (bad,)})
                with pytest.raises(SignatureRefused):
                    verify(changed, LAX, find_key, CREATED)


def _means_the_same(text: str, other: str) -> bool:
    """Return whether two ways of writing give the same value, as the last bits of base64 may."""
    import http_sf

    try:
        parsed = [http_sf.parse(one.encode(), tltype="dictionary") for one in (text, other)]
    except ValueError:
        return False
    return bool(parsed[0] == parsed[1])


# -- policies --

SECRET = bytes(range(64))
KEY = SigningKey("k1", SECRET)
COMPONENTS = tuple(map(component, ("@method", "@authority", "@path", "@query", "content-digest")))
REQUEST = Message(
    method="POST",
    host="api.example:443",
    path="/a%2Fb",
    query="x=1&y=%20",
    fields={"content-digest": ("sha-256=:AAAA:",), "host": ("api.example:443",)},
)


def ours(key_id: str) -> VerifyingKey | None:
    return VerifyingKey.from_secret("k1", SECRET) if key_id == "k1" else None


def made(request: Message = REQUEST, **more: Any) -> Message:
    """Return *request*, signed as a good client does unless *more* says otherwise."""
    given = {"components": COMPONENTS, "created": CREATED, "nonce": "n" * 22, **more}
    key = given.pop("key", KEY)
    fields = {name.lower(): (value,) for name, value in sign(request, key, **given).items()}
    return replace(request, fields={**request.fields, **fields})


def test_a_good_signature_says_whose_it_is_and_what_it_covers() -> None:
    proven = verify(made(), SignaturePolicy(), ours, CREATED)

    assert (proven.key.id, proven.nonce, proven.created) == ("k1", "n" * 22, CREATED)
    assert proven.covers("content-digest")
    assert not proven.covers("content-type")


REFUSED: list[tuple[str, dict[str, Any], SignaturePolicy, int, str]] = [
    ("too old", {}, SignaturePolicy(), 301, "too_old"),
    ("not yet", {}, SignaturePolicy(), -31, "created_in_future"),
    ("no nonce", {"nonce": ""}, SignaturePolicy(), 0, "nonce_missing"),
    ("another tag", {"tag": "a"}, SignaturePolicy(tag="b"), 0, "tag_differs"),
    ("no tag", {}, SignaturePolicy(tag="b"), 0, "tag_differs"),
    (
        "less covered",
        {"components": COMPONENTS[:2]},
        SignaturePolicy(),
        0,
        "not_covered:@path,@query",
    ),
    ("unknown key", {"key": SigningKey("k2", SECRET)}, SignaturePolicy(), 0, "key_unknown"),
    (
        "another secret",
        {"key": SigningKey("k1", SECRET[::-1])},
        SignaturePolicy(),
        0,
        "signature_wrong",
    ),
    (
        "algorithm not allowed",
        {},
        SignaturePolicy(algorithms=frozenset({Algorithm.ED25519})),
        0,
        "algorithm_refused",
    ),
]


@pytest.mark.parametrize(
    ("more", "policy", "later", "reason"),
    [pytest.param(*row[1:], id=row[0]) for row in REFUSED],
)
def test_what_the_policy_wants_is_wanted(
    more: dict[str, Any], policy: SignaturePolicy, later: int, reason: str
) -> None:
    with pytest.raises(SignatureRefused) as refused:
        verify(made(**more), policy, ours, CREATED + later)

    assert refused.value.reason == reason


@pytest.mark.parametrize("later", [0, 300, -30])
def test_the_window_includes_its_ends(later: int) -> None:
    verify(made(), SignaturePolicy(), ours, CREATED + later)


def test_one_good_signature_of_several_is_enough() -> None:
    good, bad = made(label="ours"), made(label="theirs", key=SigningKey("k2", SECRET))
    both = {
        name: (f"{bad.fields[name][0]}, {good.fields[name][0]}",)
        for name in ("signature", "signature-input")
    }
    message = replace(REQUEST, fields={**REQUEST.fields, **both})

    assert verify(message, SignaturePolicy(), ours, CREATED).key.id == "k1"


def rewritten(change: Callable[[str], str], name: str = "signature-input") -> Message:
    message = made()
    return replace(message, fields={**message.fields, name: (change(message.fields[name][0]),)})


MALFORMED = {
    "nothing but a label": rewritten(lambda text: "sig1"),
    "an item": rewritten(lambda text: "sig1=5"),
    "no end": rewritten(lambda text: text[:-1]),
    "not ASCII": rewritten(lambda text: text + "é"),
    "another label": rewritten(lambda text: text.replace("sig1", "sig2")),
    "the label twice": rewritten(lambda text: f"{text}, {text}"),
    "too long": rewritten(lambda text: text + " " * 9_000),
    "a component that is no string": rewritten(lambda text: text.replace('"@method"', "method")),
    "a component in capitals": rewritten(lambda text: text.replace("@method", "@METHOD")),
    "a component twice": rewritten(lambda text: text.replace('"@path"', '"@method"')),
    "an unknown component": rewritten(lambda text: text.replace("@query", "@quarry")),
    "a trailer": rewritten(lambda text: text.replace('"content-digest"', '"content-digest";tr')),
    "created as a text": rewritten(lambda text: text.replace(str(CREATED), f'"{CREATED}"')),
    "created as a fraction": rewritten(lambda text: text.replace(str(CREATED), f"{CREATED}.5")),
    "a key id that is a number": rewritten(lambda text: text.replace('"k1"', "1")),
    "a nonce without end": rewritten(lambda text: text.replace("n" * 22, "n" * 500)),
    "a signature that is a text": rewritten(lambda text: 'sig1="abc"', "signature"),
    "no signature": rewritten(lambda text: "", "signature"),
    "five signatures": rewritten(lambda text: ", ".join(f"s{i}=()" for i in range(5))),
}


@pytest.mark.parametrize("message", MALFORMED.values(), ids=MALFORMED.keys())
def test_what_is_no_signature_is_refused_and_never_crashes(message: Message) -> None:
    lax = replace(SignaturePolicy(), components=())
    with pytest.raises(SignatureRefused):
        verify(message, lax, ours, CREATED)


def test_without_a_signature_that_is_said() -> None:
    with pytest.raises(SignatureRefused) as refused:
        verify(REQUEST, SignaturePolicy(), ours, CREATED)

    assert refused.value.reason == "signature_missing"
    assert not isinstance(refused.value, SignatureMalformed)


@given(text=st.text(max_size=200), other=st.text(max_size=200))
def test_whatever_stands_in_the_fields_nothing_else_is_raised(text: str, other: str) -> None:
    fields = {**REQUEST.fields, "signature-input": (text,), "signature": (other,)}
    with pytest.raises(SignatureRefused):
        verify(replace(REQUEST, fields=fields), SignaturePolicy(), ours, CREATED)


@pytest.mark.parametrize("key_id", ["test-key-rsa-pss", "test-key-ecc-p256", "test-key-ed25519"])
def test_every_kind_of_key_signs_and_verifies(key_id: str) -> None:
    private: Any = load_pem_private_key(VECTORS["keys"][key_id]["private"].encode(), None)
    message = made(key=SigningKey(key_id, private))

    assert verify(message, SignaturePolicy(), find_key, CREATED).key.id == key_id
