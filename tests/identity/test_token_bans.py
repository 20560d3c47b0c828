from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_jafsec.errors import (
    InvalidValue,
    TokenExpired,
    TokenRevoked,
)
from flask_jafsec.events import Severity
from tests.identity.token_setting import (
    Setting,
)


@pytest.fixture
def setting() -> Setting:
    return Setting()


def test_revoking_one_token_leaves_everything_else(setting: Setting) -> None:
    pair, other = setting.tokens.issue("anna"), setting.tokens.issue("anna")

    setting.tokens.revoke(pair.token_id, by="admin", why="lost phone")

    with pytest.raises(TokenRevoked):
        setting.admit(pair.access)
    assert setting.admit(other.access) == "anna"
    assert setting.admit(setting.tokens.refresh(pair.refresh).access) == "anna"


def test_revoking_a_family_ends_one_sign_in(setting: Setting) -> None:
    pair, other = setting.tokens.issue("anna"), setting.tokens.issue("anna")
    newer = setting.tokens.refresh(pair.refresh)

    setting.tokens.revoke_family(pair.family, by="anna")

    for access in (pair.access, newer.access):
        with pytest.raises(TokenRevoked):
            setting.admit(access)
    with pytest.raises(TokenRevoked):
        setting.tokens.refresh(newer.refresh)
    assert setting.admit(other.access) == "anna"
    assert setting.tokens.refresh(other.refresh).access


def test_revoking_everything_of_a_subject_spares_others(setting: Setting) -> None:
    pairs = [setting.tokens.issue("anna") for _ in range(3)]
    bert = setting.tokens.issue("bert")

    setting.tokens.revoke_all("anna", by="admin")

    for pair in pairs:
        with pytest.raises(TokenRevoked):
            setting.admit(pair.access)
        with pytest.raises(TokenRevoked):
            setting.tokens.refresh(pair.refresh)
    assert setting.admit(bert.access) == "bert"
    assert setting.tokens.refresh(bert.refresh).access


@pytest.mark.parametrize("leeway_s", [0, 30])
@pytest.mark.parametrize("started_at", [0.0, 0.4, 0.999])
def test_signing_in_right_after_everything_was_revoked_works(
    leeway_s: int, started_at: float
) -> None:
    setting = Setting(options={"leeway_s": leeway_s})
    setting.clock.advance(started_at)
    before = setting.tokens.issue("anna")
    setting.tokens.revoke_all("anna", by="admin")

    after = setting.tokens.issue("anna")

    assert setting.admit(after.access) == "anna"
    assert setting.admit(setting.tokens.refresh(after.refresh).access) == "anna"
    with pytest.raises(TokenRevoked):
        setting.admit(before.access)


def test_a_token_of_the_second_of_a_ban_is_revoked_by_the_next_ban_too(setting: Setting) -> None:
    pairs = []
    for _ in range(3):
        pairs.append(setting.tokens.issue("anna"))
        setting.tokens.revoke_all("anna", by="admin")

    for pair in pairs:
        with pytest.raises(TokenRevoked):
            setting.admit(pair.access)
        with pytest.raises(TokenRevoked):
            setting.tokens.refresh(pair.refresh)
    assert setting.admit(setting.tokens.issue("anna").access) == "anna"


@given(st.lists(st.sampled_from(["issue", "revoke", "wait"]), max_size=12))
def test_in_any_order_exactly_the_tokens_issued_after_the_last_ban_work(steps: list[str]) -> None:
    setting = Setting()
    live: list[str] = []
    dead: list[str] = []
    for step in steps:
        if step == "issue":
            live.append(setting.tokens.issue("anna").access)
        elif step == "revoke":
            setting.tokens.revoke_all("anna", by="admin")
            dead, live = dead + live, []
        else:
            setting.clock.advance(0.3)

    assert all(setting.admit(access) == "anna" for access in live)
    for access in dead:
        with pytest.raises(TokenRevoked):
            setting.admit(access)


@pytest.mark.parametrize(
    ("revoke", "event_type", "facts", "subject"),
    [
        (lambda t: t.revoke("t1", by="admin", why="lost"), "token.revoked", {"token_id": "t1"}, ""),
        (
            lambda t: t.revoke_family("f1", by="admin", why="lost"),
            "token.revoked",
            {"family": "f1"},
            "",
        ),
        (lambda t: t.revoke_all("anna", by="admin", why="lost"), "token.revoked_all", {}, "anna"),
    ],
)
def test_revoking_is_recorded_and_raises_the_epoch(
    setting: Setting, revoke: Any, event_type: str, facts: dict[str, str], subject: str
) -> None:
    before = setting.store.epoch()

    revoke(setting.tokens)

    (event,) = setting.recorder.events
    assert setting.store.epoch() == before + 1
    assert (event.type, event.actor, event.reason, event.subject) == (
        event_type,
        "admin",
        "lost",
        subject,
    )
    assert event.facts == facts
    assert event.severity is Severity.NOTICE


@pytest.mark.parametrize(
    "revoke",
    [
        lambda tokens: tokens.revoke("", by="admin"),
        lambda tokens: tokens.revoke("a" * 65, by="admin"),
        lambda tokens: tokens.revoke_family("", by="admin"),
        lambda tokens: tokens.revoke_all("", by="admin"),
        lambda tokens: tokens.revoke_all("anna", by=""),
        lambda tokens: tokens.revoke_all("anna", by="admin", why="a\nb"),
        lambda tokens: tokens.revoke_all("anna", by="admin", why="a" * 201),
    ],
)
def test_a_ban_of_nobody_or_by_nobody_is_refused(setting: Setting, revoke: Any) -> None:
    with pytest.raises(InvalidValue):
        revoke(setting.tokens)

    assert (setting.recorder.events, setting.store.epoch()) == ([], 0)


def test_a_ban_is_kept_until_all_it_bans_has_expired(setting: Setting) -> None:
    pair = setting.tokens.issue("anna", lifetime_s=24 * 3600)
    setting.tokens.revoke(pair.token_id, by="admin")
    setting.clock.advance(24 * 3600 + 29)
    with setting.store.writing() as tables:
        tables.tokens.prune(setting.clock.now())

    with pytest.raises(TokenRevoked):
        setting.admit(pair.access)
    setting.clock.advance(1)
    with pytest.raises(TokenExpired):
        setting.admit(pair.access)
