import itertools
import json
from base64 import urlsafe_b64decode
from typing import Any

import pytest

from flask_jafsec.errors import (
    TokenInvalid,
)
from flask_jafsec.identity.token_keys import TokenKey, TokenKeys
from tests.identity.token_setting import (
    KEYS,
    OTHER_RSA_PEM,
    RSA_PUBLIC_PEM,
    SECRET,
    Setting,
)


def _part(token: str, number: int) -> dict[str, Any]:
    text = token.split(".")[number]
    members: dict[str, Any] = json.loads(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    return members


OLD, NEW = KEYS["ES256"], TokenKey.from_text("new", OTHER_RSA_PEM)


def test_rotating_keys_signs_nobody_out() -> None:
    setting = Setting(keys=TokenKeys([OLD]))
    accesses = []
    for keys in ([OLD, NEW], [NEW, OLD]):
        accesses.append(setting.tokens.issue("anna"))
        setting.tokens.use_keys(TokenKeys(keys))
    accesses.append(setting.tokens.issue("anna"))

    assert [_part(pair.access, 0)["kid"] for pair in accesses] == ["k-es", "k-es", "new"]
    for pair in accesses:
        assert setting.admit(pair.access) == "anna"
        assert setting.tokens.refresh(pair.refresh).access


def test_half_a_fleet_understands_the_other_half_while_keys_rotate() -> None:
    setting = Setting(keys=TokenKeys([OLD]))
    steps = [[OLD], [OLD, NEW], [NEW, OLD], [NEW]]
    fleets = [setting.process(TokenKeys(keys)) for keys in steps]

    for before, after in itertools.pairwise(fleets):
        assert before.verify(after.issue("anna").access, now=setting.now).subject
        assert after.verify(before.issue("anna").access, now=setting.now).subject


def test_a_token_of_a_key_that_was_taken_away_is_refused_even_if_remembered() -> None:
    setting = Setting(keys=TokenKeys([OLD]))
    access = setting.tokens.issue("anna").access
    setting.tokens.verify(access, now=setting.now)

    setting.tokens.use_keys(TokenKeys([NEW]))

    with pytest.raises(TokenInvalid):
        setting.tokens.verify(access, now=setting.now)


def test_moving_from_derived_to_configured_keys_signs_nobody_out() -> None:
    setting = Setting(keys=TokenKeys.assembled(derived={"r1": SECRET}))
    access = setting.tokens.issue("anna").access

    moved = setting.process(TokenKeys.assembled(configured=[OLD], derived={"r1": SECRET}))

    assert moved.verify(access, now=setting.now).kid == "h-r1"
    assert moved.verify(moved.issue("anna").access, now=setting.now).kid == "k-es"


def test_a_process_with_the_public_key_only_verifies() -> None:
    setting = Setting(keys=TokenKeys([KEYS["RS256"]]))
    access = setting.tokens.issue("anna").access
    public = TokenKey.from_text("k-rs", RSA_PUBLIC_PEM)

    other = setting.process(TokenKeys([OLD, public]))

    assert other.verify(access, now=setting.now).subject == "anna"
