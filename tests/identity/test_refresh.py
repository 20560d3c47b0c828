import hashlib
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_jafsec.errors import (
    CredentialRejected,
    InvalidValue,
    RefreshReused,
    TokenExpired,
    TokenInvalid,
    TokenRevoked,
)
from flask_jafsec.events import EventType, Outcome, Severity
from flask_jafsec.identity.refresh import RefreshTokens
from flask_jafsec.records import Kind, TokenPair
from flask_jafsec.stores.memory import MemoryStore
from tests.identity.token_setting import REFRESH_KEY, Setting


@pytest.fixture
def setting() -> Setting:
    return Setting()


def _stored(setting: Setting, refresh: str) -> bytes:
    with setting.store.reading() as tables:
        token = tables.tokens.find_refresh(refresh[4:30])
    assert token is not None
    return token.digest


def test_a_refresh_gives_a_new_pair_of_the_same_family(setting: Setting) -> None:
    old = setting.tokens.issue("anna", tenant="acme", kind=Kind.SERVICE)

    new = setting.tokens.refresh(old.refresh)

    token = setting.tokens.verify(new.access, now=setting.now)
    assert (token.subject, token.tenant, token.kind) == ("anna", "acme", Kind.SERVICE)
    assert (token.family, new.family) == (old.family, old.family)
    assert {old.refresh, old.access, old.token_id}.isdisjoint(
        {new.refresh, new.access, new.token_id}
    )


@pytest.mark.parametrize("scopes", [None, (), ("chat:basic",), ("a", "b")])
def test_scopes_of_a_refreshed_token_never_grow(
    setting: Setting, scopes: tuple[str, ...] | None
) -> None:
    pair = setting.tokens.issue("anna", scopes=scopes)

    for _ in range(3):
        pair = setting.tokens.refresh(pair.refresh)

    token = setting.tokens.verify(pair.access, now=setting.now)
    assert token.scopes == (None if scopes is None else frozenset(scopes))


def test_only_a_keyed_hash_of_a_refresh_token_is_stored(setting: Setting) -> None:
    refresh = setting.tokens.issue("anna").refresh

    digest = _stored(setting, refresh)

    assert refresh.startswith("jfr_")
    assert len(digest) == 32
    assert digest != hashlib.sha256(refresh.encode()).digest()
    assert refresh[31:] not in repr(setting.store._contents.refreshes)


def test_a_second_use_ends_the_family_and_is_recorded_as_critical(setting: Setting) -> None:
    stolen = setting.tokens.issue("anna", tenant="acme")
    thief = setting.tokens.refresh(stolen.refresh)

    with pytest.raises(RefreshReused) as reused:
        setting.tokens.refresh(stolen.refresh)

    (event,) = setting.recorder.of(EventType.TOKEN_REUSED)
    assert reused.value.family == stolen.family
    assert (event.severity, event.outcome) == (Severity.CRITICAL, Outcome.DENY)
    assert (event.subject, event.tenant, event.actor) == ("anna", "acme", "anonymous")
    assert event.facts["family"] == stolen.family
    for access in (stolen.access, thief.access):
        with pytest.raises(TokenRevoked):
            setting.admit(access)
    with pytest.raises(TokenRevoked):
        setting.tokens.refresh(thief.refresh)


def test_there_is_no_grace_even_in_the_same_instant(setting: Setting) -> None:
    pair = setting.tokens.issue("anna")
    setting.tokens.refresh(pair.refresh)

    with pytest.raises(RefreshReused):
        setting.tokens.refresh(pair.refresh)


def test_a_replay_that_goes_on_is_recorded_once(setting: Setting) -> None:
    pair = setting.tokens.issue("anna")
    setting.tokens.refresh(pair.refresh)
    epochs = []
    for _ in range(5):
        with pytest.raises(RefreshReused):
            setting.tokens.refresh(pair.refresh)
        epochs.append(setting.store.epoch())

    assert len(setting.recorder.of(EventType.TOKEN_REUSED)) == 1
    assert len(set(epochs)) == 1


def test_other_sign_ins_of_the_subject_go_on_after_a_reuse(setting: Setting) -> None:
    pair, other = setting.tokens.issue("anna"), setting.tokens.issue("anna")
    setting.tokens.refresh(pair.refresh)
    with pytest.raises(RefreshReused):
        setting.tokens.refresh(pair.refresh)

    assert setting.admit(other.access) == "anna"
    assert setting.tokens.refresh(other.refresh).access


def test_of_eight_threads_with_one_token_one_wins_and_the_family_is_dead(setting: Setting) -> None:
    pair = setting.tokens.issue("anna")
    start = threading.Barrier(8)
    won: list[TokenPair] = []
    lost: list[TokenRevoked] = []

    def use() -> None:
        start.wait(10)
        try:
            won.append(setting.tokens.refresh(pair.refresh))
        except TokenRevoked as error:
            lost.append(error)

    threads = [threading.Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert (len(won), len(lost)) == (1, 7)
    assert all(isinstance(error, RefreshReused) for error in lost)
    assert len(setting.recorder.of(EventType.TOKEN_REFRESHED)) == 1
    assert len(setting.recorder.of(EventType.TOKEN_REUSED)) == 1
    with pytest.raises(TokenRevoked):
        setting.tokens.refresh(won[0].refresh)
    with pytest.raises(TokenRevoked):
        setting.admit(won[0].access)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda text: text[:-1] + ("B" if text[-1] == "A" else "A"), id="secret"),
        pytest.param(lambda text: text[:31] + "A" * 43, id="whole secret"),
        pytest.param(lambda text: text[:4] + "0" * 26 + text[30:], id="id"),
        pytest.param(lambda text: text[:4] + text[4:30].lower() + text[30:], id="case of the id"),
        pytest.param(lambda text: text + "A", id="longer"),
        pytest.param(lambda text: text + "\n", id="line end"),
        pytest.param(lambda text: text[:-1], id="shorter"),
        pytest.param(lambda text: "jfk_" + text[4:], id="prefix"),
        pytest.param(lambda text: text[:4], id="prefix only"),
        pytest.param(lambda _: "", id="nothing"),
        pytest.param(lambda _: None, id="no text"),
        pytest.param(lambda _: ["jfr_"], id="list"),
        pytest.param(lambda text: text.encode(), id="bytes"),
    ],
)
def test_a_wrong_refresh_token_is_refused_and_harms_nobody(
    setting: Setting, change: object
) -> None:
    pair = setting.tokens.issue("anna")
    assert callable(change)

    with pytest.raises(TokenInvalid):
        setting.tokens.refresh(change(pair.refresh))

    assert setting.tokens.refresh(pair.refresh).access


@given(st.text() | st.from_regex(r"jfr_[0-7][0-9A-Z]{25}_[A-Za-z0-9_-]{43}", fullmatch=True))
def test_no_text_brings_anything_but_a_refusal(text: str) -> None:
    with pytest.raises(CredentialRejected):
        Setting().tokens.refresh(text)


@pytest.mark.parametrize(("wait_s", "is_good"), [(99, True), (100, False), (101, False)])
def test_a_refresh_token_ends_on_time(wait_s: int, is_good: bool) -> None:
    setting = Setting(options={"refresh_lifetime_s": 100})
    pair = setting.tokens.issue("anna")
    setting.clock.advance(wait_s)

    if is_good:
        assert setting.tokens.refresh(pair.refresh).access
    else:
        with pytest.raises(TokenExpired):
            setting.tokens.refresh(pair.refresh)


def test_using_a_token_never_lengthens_the_life_of_its_family() -> None:
    setting = Setting(options={"refresh_lifetime_s": 100})
    pair = setting.tokens.issue("anna")
    for _ in range(9):
        setting.clock.advance(10)
        pair = setting.tokens.refresh(pair.refresh)
    setting.clock.advance(10)

    with pytest.raises(TokenExpired):
        setting.tokens.refresh(pair.refresh)


def test_a_ban_outlives_a_token_even_after_its_lifetime_was_shortened() -> None:
    setting = Setting(options={"refresh_lifetime_s": 1000, "max_age_s": 900})
    pair = setting.tokens.issue("anna")
    setting.options = {"refresh_lifetime_s": 100, "max_age_s": 900}
    setting.tokens = setting.process(setting.keys)
    setting.tokens.revoke_all("anna", by="admin")
    setting.clock.advance(1031)
    with setting.store.writing() as tables:
        assert tables.tokens.prune(setting.clock.now()) > 0

    with pytest.raises(CredentialRejected):
        setting.tokens.refresh(pair.refresh)


def test_tokens_are_found_by_an_older_key_of_the_hash_and_made_with_the_newest() -> None:
    new_key = bytes(32)
    setting = Setting()
    old = setting.tokens.issue("anna")
    setting.options = {"refresh_keys": [new_key, REFRESH_KEY]}
    middle = setting.process(setting.keys).refresh(old.refresh)
    setting.options = {"refresh_keys": [new_key]}
    newest = setting.process(setting.keys)

    assert newest.refresh(middle.refresh).access
    with pytest.raises(TokenInvalid):
        newest.refresh(old.refresh)


@pytest.mark.parametrize("keys", [[], [b"short"], [REFRESH_KEY, b"short"]])
def test_a_hash_without_a_good_key_is_refused(keys: list[bytes]) -> None:
    with pytest.raises(InvalidValue):
        RefreshTokens(MemoryStore(), keys, lifetime_s=100)


def test_who_asks_is_recorded(setting: Setting) -> None:
    pair = setting.tokens.issue("anna")
    pair = setting.tokens.refresh(pair.refresh)
    setting.tokens.refresh(pair.refresh, by="proxy")

    events = setting.recorder.of(EventType.TOKEN_REFRESHED)
    assert [event.actor for event in events] == ["anna", "proxy"]
    assert pair.refresh[31:] not in repr(events)
