import json
import re
import threading
from base64 import urlsafe_b64decode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_jafsec.errors import (
    CredentialRejected,
    InvalidValue,
    StoreUnavailable,
    TokenExpired,
    TokenInvalid,
)
from flask_jafsec.events import EventType
from flask_jafsec.identity.token_keys import TokenKey, TokenKeys
from flask_jafsec.records import Kind
from tests.identity.token_setting import (
    AUDIENCE,
    ISSUER,
    KEYS,
    Setting,
    claims,
    forge,
)


@pytest.fixture
def setting() -> Setting:
    return Setting()


def _part(token: str, number: int) -> dict[str, Any]:
    text = token.split(".")[number]
    members: dict[str, Any] = json.loads(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    return members


# -- Issuing -----------------------------------------------------------------------------------


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
def test_what_is_issued_is_verified(key: TokenKey) -> None:
    setting = Setting(keys=TokenKeys([key]))
    pair = setting.tokens.issue("anna", scopes=["a", "b"], tenant="acme", kind=Kind.SERVICE)

    token = setting.tokens.verify(pair.access, now=setting.now)

    assert (token.subject, token.tenant, token.kind, token.kid) == (
        "anna",
        "acme",
        Kind.SERVICE,
        key.kid,
    )
    assert (token.scopes, token.token_id, token.family) == (
        frozenset({"a", "b"}),
        pair.token_id,
        pair.family,
    )
    assert (token.issued_at, token.expires_at) == (int(setting.now), int(setting.now) + 900)
    assert pair.expires_in_s == 900


def test_a_token_says_what_the_standard_asks_for_and_nothing_more(setting: Setting) -> None:
    pair = setting.tokens.issue("anna")
    now = int(setting.now)

    assert _part(pair.access, 0) == {"alg": "HS256", "kid": "k-hs", "typ": "at+jwt"}
    assert _part(pair.access, 1) == {
        "iss": ISSUER,
        "sub": "anna",
        "aud": AUDIENCE,
        "exp": now + 900,
        "iat": now,
        "jti": pair.token_id,
        "fam": pair.family,
        "knd": "person",
    }


def test_scopes_stand_in_one_claim_separated_by_spaces(setting: Setting) -> None:
    granted = [
        _part(setting.tokens.issue("anna", scopes=scopes).access, 1).get("scope")
        for scopes in (["b", "a", "b"], "chat:basic", [], None)
    ]

    assert granted == ["a b", "chat:basic", "", None]


@pytest.mark.parametrize(
    "changed",
    [
        {"subject": ""},
        {"subject": "a" * 256},
        {"subject": "a\nb"},
        {"subject": "\ud800"},
        {"tenant": "a" * 256},
        {"tenant": "\0"},
        {"scopes": ["a b"]},
        {"scopes": [""]},
        {"scopes": ['"']},
        {"scopes": "a b"},
        {"scopes": [f"scope:{number:04}" for number in range(1000)]},
        {"kind": Kind.ANONYMOUS},
        {"lifetime_s": 0},
        {"lifetime_s": -1},
        {"lifetime_s": 24 * 3600 + 1},
    ],
    ids=lambda changed: str(changed)[:40],
)
def test_what_cannot_stand_in_a_token_is_refused_and_nothing_is_stored(
    setting: Setting, changed: dict[str, Any]
) -> None:
    with pytest.raises(InvalidValue):
        setting.tokens.issue(**{"subject": "anna", **changed})

    assert setting.recorder.events == []
    assert setting.store._contents.refreshes == {}


@pytest.mark.parametrize("lifetime_s", [1, 60, 24 * 3600])
def test_a_token_lives_as_long_as_asked(setting: Setting, lifetime_s: int) -> None:
    pair = setting.tokens.issue("anna", lifetime_s=lifetime_s)
    last = setting.now + lifetime_s + 30

    assert setting.tokens.verify(pair.access, now=last - 1).subject == "anna"
    with pytest.raises(TokenExpired):
        setting.tokens.verify(pair.access, now=last)
    assert pair.expires_in_s == lifetime_s


def test_issuing_is_recorded_without_the_tokens(setting: Setting) -> None:
    pair = setting.tokens.issue("anna", scopes=["a"], tenant="acme", by="cli:root")

    (event,) = setting.recorder.events
    assert (event.type, event.actor, event.subject, event.tenant) == (
        EventType.TOKEN_ISSUED,
        "cli:root",
        "anna",
        "acme",
    )
    assert event.facts["token_id"] == pair.token_id
    assert event.facts["scopes"] == ["a"]
    assert pair.access.split(".")[2] not in repr(event)
    assert pair.refresh[31:] not in repr(event)


def test_while_the_store_is_down_nothing_is_issued_but_tokens_are_verified() -> None:
    setting = Setting()
    access = setting.tokens.issue("anna").access
    setting.store._lock_wait_s = 0

    with setting.store.writing(), pytest.raises(StoreUnavailable):
        setting.tokens.issue("anna")
    assert setting.tokens.verify(access, now=setting.now).subject == "anna"


@pytest.mark.parametrize(
    "options",
    [
        {"lifetime_s": 0},
        {"lifetime_s": 100, "max_age_s": 99},
        {"refresh_lifetime_s": 0},
        {"leeway_s": 121},
        {"issuer": ""},
        {"refresh_keys": []},
    ],
)
def test_settings_that_cannot_be_meant_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(InvalidValue):
        Setting(options=options)


NAMES = st.text(st.characters(blacklist_categories=["C", "Z"]), min_size=1, max_size=80)


@given(NAMES, NAMES, st.none() | st.frozensets(st.text("abc:*-", min_size=1), max_size=5))
def test_every_name_comes_back_as_it_was_given(
    subject: str, tenant: str, scopes: frozenset[str] | None
) -> None:
    setting = Setting()

    pair = setting.tokens.issue(subject, tenant=tenant, scopes=scopes)
    token = setting.tokens.verify(pair.access, now=setting.now)

    assert (token.subject, token.tenant, token.scopes) == (subject, tenant, scopes)


# -- Remembering -------------------------------------------------------------------------------


def test_a_signature_is_verified_once_a_process(setting: Setting) -> None:
    access = setting.tokens.issue("anna").access
    first = setting.tokens.verify(access, now=setting.now)

    again = [setting.tokens.verify("".join(access), now=setting.now) for _ in range(10)]

    assert all(token is first for token in again)


def test_a_remembered_token_still_expires(setting: Setting) -> None:
    access = setting.tokens.issue("anna").access
    setting.tokens.verify(access, now=setting.now)

    with pytest.raises(TokenExpired):
        setting.tokens.verify(access, now=setting.now + 930)
    assert setting.tokens.verify(access, now=setting.now + 929).subject == "anna"


def test_nothing_that_was_refused_is_remembered(setting: Setting) -> None:
    good = claims(setting.now)
    refused = [
        forge(KEYS["HS256"], claims(setting.now, exp=int(setting.now) - 60, iat=0)),
        forge(KEYS["HS256"], {**good, "aud": "other"}),
        forge(KEYS["HS256"], good)[:-2] + "AA",
        forge(KEYS["RS256"], good),
    ]
    for token in refused * 2:
        with pytest.raises((TokenInvalid, TokenExpired)):
            setting.tokens.verify(token, now=setting.now)

    assert len(setting.tokens._seen) == 0


def test_the_memory_of_tokens_is_bounded() -> None:
    setting = Setting(options={"max_remembered": 50})
    for number in range(300):
        token = forge(KEYS["HS256"], claims(setting.now, jti=f"t{number}"))
        setting.tokens.verify(token, now=setting.now)

    assert 25 <= len(setting.tokens._seen) <= 50


def test_a_remembered_token_is_ours_without_being_read(setting: Setting) -> None:
    access = setting.tokens.issue("anna").access

    assert setting.tokens.is_ours(access)
    setting.tokens.verify(access, now=setting.now)
    assert setting.tokens.is_ours(access)
    assert not setting.tokens.is_ours("a.b.c")


def test_threads_verify_one_token_without_disturbing_each_other(setting: Setting) -> None:
    tokens = [forge(KEYS["HS256"], claims(setting.now, jti=f"t{n}")) for n in range(60)]
    small = Setting(options={"max_remembered": 20}, clock=setting.clock).tokens
    wrong: list[object] = []

    def verify_all() -> None:
        for _ in range(20):
            for number, token in enumerate(tokens):
                try:
                    if small.verify(token, now=setting.now).token_id != f"t{number}":
                        wrong.append(number)
                except (CredentialRejected, RuntimeError, KeyError) as error:
                    wrong.append(error)

    threads = [threading.Thread(target=verify_all) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert wrong == []


def test_names_of_families_and_tokens_are_ids(setting: Setting) -> None:
    pair = setting.tokens.issue("anna")

    assert re.fullmatch(r"[0-9A-Z]{26}", pair.token_id)
    assert re.fullmatch(r"[0-9A-Z]{26}", pair.family)
    assert pair.refresh not in repr(pair)
    assert pair.access not in repr(pair)
