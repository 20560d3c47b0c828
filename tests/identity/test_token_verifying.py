"""Attacks on tokens: every one must be refused, whatever its claims say."""

import json
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_jafsec.errors import CredentialRejected
from flask_jafsec.identity.token_claims import ClaimRules
from flask_jafsec.identity.token_keys import TokenKey
from flask_jafsec.identity.token_verifying import MAX_TOKEN_CHARS, TokenVerifier
from tests.identity.token_setting import (
    AUDIENCE,
    ISSUER,
    KEYS,
    RING,
    VERIFIER,
    Setting,
    claims,
    forge,
    hand_signed,
    reason,
    segment,
)

NOW = 1_800_000_000.0
HS = KEYS["HS256"]


def _reason(token: str) -> str:
    return reason(token, NOW)


# -- The whole text ----------------------------------------------------------------------------


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
def test_whatever_last_character_a_part_gets_it_is_refused(key: TokenKey) -> None:
    parts = forge(key, claims(NOW)).split(".")

    for place in range(3):
        for character in string.ascii_letters + string.digits + "-_=":
            changed = [*parts]
            changed[place] = parts[place][:-1] + character
            if changed != parts:
                assert _reason(".".join(changed))


def test_whatever_single_character_is_changed_the_token_is_refused() -> None:
    token = forge(HS, claims(NOW))

    for place, old in enumerate(token):
        for character in string.ascii_letters + string.digits + "-_.=+/ \0é":
            if character != old:
                assert _reason(token[:place] + character + token[place + 1 :])


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
@given(data=st.data())
def test_no_change_of_a_remembered_token_is_accepted(key: TokenKey, data: st.DataObject) -> None:
    setting = Setting(keys=RING)
    token = forge(key, claims(setting.now))
    setting.tokens.verify(token, now=setting.now)
    start = data.draw(st.integers(0, len(token)))
    length = data.draw(st.integers(0, 3))
    changed = token[:start] + data.draw(st.text(max_size=3)) + token[start + length :]

    if changed != token:
        with pytest.raises(CredentialRejected):
            setting.tokens.verify(changed, now=setting.now)


@given(
    st.text() | st.text("eyJ.-_=", max_size=40) | st.binary().map(lambda raw: raw.decode("latin-1"))
)
def test_garbage_is_refused_and_never_an_error(text: str) -> None:
    with pytest.raises(CredentialRejected):
        VERIFIER.verify(text, NOW)
    assert VERIFIER.is_ours(text) is False


@given(st.binary(max_size=60), st.binary(max_size=60), st.binary(max_size=60))
def test_well_written_garbage_is_refused_and_never_an_error(a: bytes, b: bytes, c: bytes) -> None:
    token = f"{segment(a)}.{segment(b)}.{segment(c)}"
    named = f"{segment({'alg': 'ES256', 'kid': 'k-es', 'typ': 'at+jwt'})}.{segment(b)}.{segment(c)}"

    assert _reason(token)
    assert _reason(named) == "signature_wrong"


@given(st.binary(max_size=60))
def test_a_genuine_signature_of_garbage_is_refused(payload: bytes) -> None:
    assert _reason(forge(HS, payload)) in {"claims_malformed", "claim_missing"}


@pytest.mark.parametrize(
    "payload",
    [b"[" * 5000, b'{"a":' * 900 + b"1" + b"}" * 900, b"9" * 5000],
    ids=["lists", "objects", "digits"],
)
def test_a_genuine_signature_of_a_deep_or_long_value_is_refused(payload: bytes) -> None:
    assert _reason(forge(HS, payload)) in {"claims_malformed", "claim_missing"}


def test_a_token_may_be_eight_kilobytes_long_and_no_longer() -> None:
    tokens = [forge(HS, claims(NOW, more="a" * count)) for count in range(5800, 6000)]
    longest = max((t for t in tokens if len(t) <= MAX_TOKEN_CHARS), key=len)
    next_one = min((t for t in tokens if len(t) > MAX_TOKEN_CHARS), key=len)

    assert len(next_one) - len(longest) <= 2
    assert VERIFIER.verify(longest, NOW)
    assert _reason(next_one) == "token_too_long"


def test_twelve_megabytes_are_refused_before_anything_is_read() -> None:
    token = forge(HS, claims(NOW))

    assert _reason(token + "A" * 12_000_000) == "token_too_long"
    assert _reason("." * 12_000_000) == "token_too_long"


def test_headers_of_strangers_are_not_remembered_and_those_of_friends_are_bounded() -> None:
    verifier = TokenVerifier(RING, ClaimRules(ISSUER, AUDIENCE))
    for number in range(1000):
        blanks = b" " * (number % 300)
        stranger = hand_signed({"alg": "HS256", "kid": f"x{number}", "typ": "at+jwt"}, {})
        friend = b'{"alg":"HS256",' + blanks + b'"kid":"k-hs","typ":"at+jwt"}'
        reason(stranger, NOW, verifier)
        verifier.verify(hand_signed(friend, claims(NOW)), NOW)

    assert 0 < len(verifier._headers) <= 256


# -- Is it ours --------------------------------------------------------------------------------


def _foreign(header: object, members: object) -> str:
    return f"{segment(header)}.{segment(members)}.AAAA"


@pytest.mark.parametrize(
    ("token", "ours"),
    [
        pytest.param(forge(HS, claims(NOW)), True, id="genuine"),
        pytest.param(_foreign({"kid": "k-hs"}, {}), True, id="names our key"),
        pytest.param(_foreign({"alg": "none"}, {"iss": ISSUER}), True, id="names our issuer"),
        pytest.param(_foreign({"kid": "k-hs"}, {}) + "A" * 9000, True, id="our key, too long"),
        pytest.param(_foreign({"kid": "x"}, {"iss": ISSUER + "x"}), False, id="foreign"),
        pytest.param(_foreign({"kid": ["k-hs"]}, {"iss": [ISSUER]}), False, id="no texts"),
        pytest.param(_foreign([], []), False, id="no objects"),
        pytest.param(_foreign({}, {"iss": ISSUER}) + ".x", False, id="four parts"),
        pytest.param("a.b", False, id="two parts"),
        pytest.param("..", False, id="empty parts"),
        pytest.param("\ud800.\0.é", False, id="no ASCII"),
        pytest.param(f"{segment(b'[' * 300)}.{segment(b'[' * 4000)}.A", False, id="deep"),
        pytest.param("A" * 10**6 + "." + "A" * 10**6 + ".A", False, id="huge"),
    ],
)
def test_a_token_is_ours_when_it_names_our_key_or_issuer(token: str, ours: bool) -> None:
    assert TokenVerifier(RING, ClaimRules(ISSUER, AUDIENCE)).is_ours(token) is ours


def test_every_token_that_is_accepted_is_ours() -> None:
    for key in RING:
        token = forge(key, json.loads(json.dumps(claims(NOW))))

        assert VERIFIER.verify(token, NOW)
        assert VERIFIER.is_ours(token)
