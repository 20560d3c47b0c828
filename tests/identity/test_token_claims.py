import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_jafsec.errors import CredentialRejected, InvalidValue, TokenExpired, TokenInvalid
from flask_jafsec.identity.token_claims import ClaimRules
from flask_jafsec.identity.verified_tokens import VerifiedToken
from flask_jafsec.records import Kind
from tests.identity.token_setting import AUDIENCE, ISSUER, claims

NOW = 1_800_000_000.0
RULES = ClaimRules(ISSUER, AUDIENCE, leeway_s=30, max_age_s=3600)


def _read(**changed: Any) -> VerifiedToken:
    return RULES.read(_payload(**changed), "k1", NOW)


def _payload(**changed: Any) -> bytes:
    return json.dumps(claims(NOW, **changed)).encode()


def test_good_claims_are_read_whole() -> None:
    token = _read(scope="chat:basic admin", tenant="acme", fam="f1", knd="service")

    assert token == VerifiedToken(
        subject="anna",
        kind=Kind.SERVICE,
        scopes=frozenset({"chat:basic", "admin"}),
        tenant="acme",
        token_id="01KE00000000000000000000AA",
        family="f1",
        issued_at=int(NOW),
        expires_at=int(NOW) + 600,
        kid="k1",
    )


def test_what_is_left_out_does_not_narrow() -> None:
    token = _read()

    assert (token.kind, token.scopes, token.tenant, token.family) == (Kind.PERSON, None, "", "")


def test_an_empty_scope_allows_nothing() -> None:
    assert _read(scope="").scopes == frozenset()


@pytest.mark.parametrize("name", ["iss", "sub", "aud", "exp", "iat", "jti"])
@pytest.mark.parametrize(
    "value", [..., None, True, [], {}, "", ["x", 5]], ids=lambda v: type(v).__name__ + str(v)
)
def test_each_of_the_six_claims_must_be_there_with_its_type(name: str, value: Any) -> None:
    with pytest.raises(TokenInvalid):
        _read(**{name: value})


@pytest.mark.parametrize(
    "changed",
    [
        {"iss": "https://issuer.example/"},
        {"iss": [ISSUER]},
        {"iss": ISSUER.upper()},
        {"aud": AUDIENCE + "2"},
        {"aud": ["other"]},
        {"aud": [AUDIENCE, 5]},
        {"aud": {AUDIENCE: 1}},
        {"sub": "a" * 256},
        {"sub": 5},
        {"sub": "a\nb"},
        {"sub": "a\0"},
        {"sub": "\ud800"},
        {"sub": "a\u202eb"},
        {"jti": "a" * 65},
        {"jti": 5},
        {"exp": str(int(NOW) + 5)},
        {"exp": 10**400},
        {"exp": -5},
        {"iat": -5},
        {"iat": str(int(NOW))},
        {"nbf": "soon"},
        {"nbf": True},
        {"scope": ["chat:basic"]},
        {"scope": " "},
        {"scope": "a  b"},
        {"scope": "a "},
        {"scope": 'a"b'},
        {"scope": "a\tb"},
        {"scope": "é"},
        {"scope": None},
        {"tenant": ""},
        {"tenant": 5},
        {"tenant": "a" * 256},
        {"fam": ""},
        {"fam": ["f"]},
        {"knd": "anonymous"},
        {"knd": "root"},
        {"knd": None},
        {"knd": ["person"]},
    ],
    ids=lambda changed: json.dumps(changed)[:40],
)
def test_a_claim_that_is_wrong_is_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(TokenInvalid):
        _read(**changed)


@pytest.mark.parametrize(
    "changed",
    [
        {"aud": [AUDIENCE]},
        {"aud": ["other", AUDIENCE]},
        {"sub": "a" * 255},
        {"sub": "anna müller"},
        {"jti": "a" * 64},
        {"exp": NOW + 5.5},
        {"iat": NOW - 0.5},
        {"nbf": int(NOW)},
        {"unknown": {"deep": [1]}},
    ],
    ids=lambda changed: json.dumps(changed)[:40],
)
def test_a_claim_at_its_edge_is_accepted(changed: dict[str, Any]) -> None:
    assert _read(**changed).kid == "k1"


@pytest.mark.parametrize(
    ("offset_s", "error"),
    [
        pytest.param(31 - 60, None, id="a second before leeway ends"),
        pytest.param(-30, TokenExpired, id="exactly at its end"),
        pytest.param(-31, TokenExpired, id="a second after"),
        pytest.param(0, None, id="expires now"),
        pytest.param(1, None, id="expires in a second"),
    ],
)
def test_a_token_is_good_until_its_end_and_the_leeway(
    offset_s: int, error: type[Exception] | None
) -> None:
    changed = {"iat": int(NOW) - 600, "exp": int(NOW) + offset_s}

    if error is None:
        assert _read(**changed).expires_at == int(NOW) + offset_s
    else:
        with pytest.raises(error):
            _read(**changed)


@pytest.mark.parametrize(
    ("ahead_s", "is_good"), [(29, True), (30, True), (30.1, False), (31, False), (3600, False)]
)
@pytest.mark.parametrize("name", ["iat", "nbf"])
def test_a_token_from_the_future_is_good_only_within_the_leeway(
    name: str, ahead_s: float, is_good: bool
) -> None:
    if is_good:
        assert _read(**{name: NOW + ahead_s}).subject
    else:
        with pytest.raises(TokenInvalid):
            _read(**{name: NOW + ahead_s})


@pytest.mark.parametrize(
    ("age_s", "is_good"),
    [(-1, False), (0, False), (1, True), (3599, True), (3600, True), (3601, False)],
)
def test_no_token_outlives_the_largest_age_or_ends_before_it_began(
    age_s: int, is_good: bool
) -> None:
    if is_good:
        assert _read(exp=int(NOW) + age_s).subject
    else:
        with pytest.raises(TokenInvalid):
            _read(exp=int(NOW) + age_s)


@pytest.mark.parametrize(("ahead_s", "is_good"), [(1, True), (2, False)])
def test_without_leeway_a_token_may_still_be_a_second_ahead(ahead_s: int, is_good: bool) -> None:
    strict = ClaimRules(ISSUER, AUDIENCE, leeway_s=0)
    payload = _payload(iat=int(NOW) + ahead_s)

    if is_good:
        assert strict.read(payload, "k1", NOW).subject
    else:
        with pytest.raises(TokenInvalid):
            strict.read(payload, "k1", NOW)


def test_an_expired_token_for_somebody_else_is_invalid_and_not_expired() -> None:
    old = {"iat": int(NOW) - 900, "exp": int(NOW) - 600}

    with pytest.raises(TokenExpired) as expired:
        _read(**old)
    with pytest.raises(TokenInvalid):
        _read(**old, aud="other")
    with pytest.raises(TokenInvalid):
        _read(**old, knd="root")
    assert expired.value.expired_at == old["exp"]
    assert expired.value.was_genuine


@pytest.mark.parametrize("twice", ["sub", "exp", "aud"])
def test_a_claim_that_stands_there_twice_is_refused(twice: str) -> None:
    payload = json.dumps(claims(NOW))[:-1] + f', "{twice}": "x"}}'

    with pytest.raises(TokenInvalid):
        RULES.read(payload.encode(), "k1", NOW)


NAMES = ["iss", "sub", "aud", "exp", "iat", "jti", "nbf", "scope", "tenant", "fam", "knd"]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from(NAMES), JSON))
def test_no_claims_bring_anything_but_a_token_or_a_refusal(changed: dict[str, Any]) -> None:
    try:
        token = _read(**changed)
    except CredentialRejected:
        return

    assert token.subject
    assert token.expires_at > NOW - 31


@pytest.mark.parametrize(
    "made",
    [
        {"issuer": ""},
        {"audience": ""},
        {"issuer": "a\nb"},
        {"leeway_s": -1},
        {"leeway_s": 121},
        {"max_age_s": 0},
    ],
)
def test_rules_that_would_let_anything_in_are_refused(made: dict[str, Any]) -> None:
    with pytest.raises(InvalidValue):
        ClaimRules(**{"issuer": ISSUER, "audience": AUDIENCE, **made})
