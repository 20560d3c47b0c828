"""From the text of a key to what its bearer may do: who is refused, and why."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from flask_jafsec.errors import KeyEnded, KeyInvalid
from flask_jafsec.events import EventType
from flask_jafsec.identity.key_format import new_key_text
from flask_jafsec.ids import new_id
from flask_jafsec.records import Environment
from flask_jafsec.web.extension import state_of
from tests.apps import OPERATOR as PLACE_OPERATOR
from tests.apps import Place, make_place
from tests.identity.key_setting import may, mint, reason
from tests.identity.rights_setting import HOME, OPERATOR, House, make_house


@pytest.fixture
def house() -> House:
    return make_house()


# -- how a key ends --


@pytest.mark.parametrize(
    ("overlap", "lasts_s"),
    [("none", 0), ("1h", 3_600), ("24h", 86_400), ("7d", 604_800)],
)
def test_a_rotated_key_stops_to_the_second_in_every_process(
    raced_house: House, overlap: str, lasts_s: int
) -> None:
    elsewhere = raced_house.another()
    old = mint(raced_house)
    for process in (raced_house, elsewhere):
        assert reason(process, old.secret) == ""
    new = raced_house.keys.rotate(old.key.id, by=OPERATOR, overlap=overlap)

    if lasts_s:
        raced_house.clock.advance(lasts_s - 0.001)
        assert reason(raced_house, old.secret) == reason(elsewhere, old.secret) == ""
        raced_house.clock.advance(0.001)

    for process in (raced_house, elsewhere):
        assert reason(process, old.secret) == "key_rotated"
        assert reason(process, new.secret) == ""


def test_a_key_expires_to_the_second_in_every_process(raced_house: House) -> None:
    elsewhere = raced_house.another()
    minted = mint(raced_house, expires_at=raced_house.clock.now() + timedelta(minutes=5))
    raced_house.clock.advance(299.999)
    assert reason(raced_house, minted.secret) == reason(elsewhere, minted.secret) == ""

    raced_house.clock.advance(0.001)

    assert reason(raced_house, minted.secret) == "key_expired"
    assert reason(elsewhere, minted.secret) == "key_expired"


def test_a_rotated_key_still_expires_on_its_own_day(house: House) -> None:
    minted = mint(house, expires_at=house.clock.now() + timedelta(hours=2))
    house.keys.rotate(minted.key.id, by=OPERATOR, overlap="24h")

    house.clock.advance(2 * 3600)

    assert reason(house, minted.secret) == "key_expired"


def test_a_revoked_key_is_refused_even_if_remembered(raced_house: House) -> None:
    elsewhere = raced_house.another()
    minted = mint(raced_house)
    assert reason(elsewhere, minted.secret) == ""

    raced_house.keys.revoke(minted.key.id, by=OPERATOR)

    assert reason(elsewhere, minted.secret) == "key_revoked"


@pytest.mark.parametrize("first", ["rotate", "expire"])
def test_revoked_is_what_the_operator_is_told_first(house: House, first: str) -> None:
    minted = mint(house, expires_at=house.clock.now() + timedelta(hours=1))
    if first == "rotate":
        house.keys.rotate(minted.key.id, by=OPERATOR, overlap="none")
    house.keys.revoke(minted.key.id, by=OPERATOR)
    house.clock.advance(7_200)

    assert reason(house, minted.secret) == "key_revoked"


def test_a_key_that_ended_was_genuine_and_a_forged_one_was_not(house: House) -> None:
    minted = mint(house)
    house.keys.revoke(minted.key.id, by=OPERATOR)

    with pytest.raises(KeyEnded) as ended:
        may(house, minted.secret)
    with pytest.raises(KeyInvalid) as forged:
        may(house, new_key_text(minted.key.id, Environment.LIVE))

    assert (ended.value.was_genuine, ended.value.key_id) == (True, minted.key.id)
    assert (forged.value.was_genuine, forged.value.key_id) == (False, minted.key.id)
    assert forged.value.reason == "key_wrong_secret"


# -- where it may be used --


@pytest.mark.parametrize(
    ("client", "allowed"),
    [
        pytest.param("10.1.0.0", True, id="the first address"),
        pytest.param("10.1.255.255", True, id="the last address"),
        pytest.param("10.0.255.255", False, id="one below"),
        pytest.param("10.2.0.0", False, id="one above"),
        pytest.param("::ffff:10.1.2.3", True, id="inside IPv6"),
        pytest.param("::ffff:10.2.2.3", False, id="inside IPv6, elsewhere"),
        pytest.param("2001:db8::1", True, id="the second network"),
        pytest.param("2001:DB8:0:0::1", True, id="written otherwise"),
        pytest.param("2001:db9::1", False, id="IPv6 elsewhere"),
        pytest.param("", False, id="no address"),
        pytest.param("unix:", False, id="a socket file"),
        pytest.param("10.1.2.3, 9.9.9.9", False, id="a list of proxies"),
        pytest.param("10.1.2.3 ", False, id="a space"),
    ],
)
def test_a_key_works_from_its_networks_only(house: House, client: str, allowed: bool) -> None:
    secret = mint(house, networks=["10.1.0.0/16", "2001:db8::/32"]).secret

    assert reason(house, secret, client) == ("" if allowed else "key_network")


def test_networks_are_looked_at_on_every_use(house: House) -> None:
    secret = mint(house, networks=["10.0.0.0/8"]).secret

    told = [reason(house, secret, client) for client in ("10.0.0.1", HOME, "10.0.0.1", HOME)]

    assert told == ["", "key_network", "", "key_network"]


def test_without_networks_a_key_works_from_anywhere(house: House) -> None:
    secret = mint(house).secret

    assert [reason(house, secret, client) for client in (HOME, "::1", "")] == [""] * 3


# -- what it may do --


@pytest.mark.parametrize(
    ("scopes", "role", "expected"),
    [
        pytest.param(["agent:read"], "", set(), id="an owner who may nothing"),
        pytest.param(["agent:*"], "reader", {"agent:read"}, id="less than the scopes"),
        pytest.param(["agent:read"], "manager", {"agent:read"}, id="never more than the scopes"),
        pytest.param(["chat:read"], "manager", set(), id="nothing in common"),
        pytest.param(["*"], "administrator", {"*"}, id="our own stay out of everything"),
    ],
)
def test_a_key_with_an_owner_may_do_what_both_may(
    house: House, scopes: list[str], role: str, expected: set[str]
) -> None:
    if role:
        house.roles.grant("ann", role, by=OPERATOR)
    secret = mint(house, *scopes, owner="ann").secret

    assert may(house, secret) == expected


def test_a_key_follows_its_owners_present_permissions(raced_house: House) -> None:
    elsewhere = raced_house.another()
    secret = mint(raced_house, "agent:*", "chat:*", owner="ann").secret
    raced_house.roles.grant("ann", "manager", by=OPERATOR)
    assert may(elsewhere, secret) == {"agent:*"}

    raced_house.roles.withdraw("ann", "manager", by=OPERATOR)
    assert may(elsewhere, secret) == frozenset()

    raced_house.roles.grant("ann", "reader", by=OPERATOR)
    assert may(elsewhere, secret) == {"agent:read"}


def test_the_key_of_a_disabled_owner_opens_nothing(house: House) -> None:
    user = house.users.create("ann", by=OPERATOR, password="a fine long one").user
    house.roles.grant(user.id, "manager", by=OPERATOR)
    secret = mint(house, "agent:*", owner=user.id).secret
    assert may(house, secret) == {"agent:*"}

    house.users.disable(user.id, by=OPERATOR)

    assert reason(house, secret) == "user_disabled"
    house.users.enable(user.id, by=OPERATOR)
    assert may(house, secret) == {"agent:*"}


def test_a_key_of_its_own_may_do_its_scopes(house: House) -> None:
    assert may(house, mint(house, "agent:*", "chat:read").secret) == {"agent:*", "chat:read"}


# -- what is told to whom --


def refused_keys(place: Place) -> dict[str, str]:
    """Return a key for each reason to refuse one."""
    keys = state_of(place.app).keys
    options: dict[str, dict[str, Any]] = {
        "key_expired": {"expires_at": place.clock.now() + timedelta(seconds=60)},
        "key_rotated": {},
        "key_revoked": {},
        "key_network": {"networks": ["203.0.113.0/24"]},
    }
    made = {
        name: keys.mint(name, scopes=["chat:basic"], by=PLACE_OPERATOR, **said)
        for name, said in options.items()
    }
    keys.rotate(made["key_rotated"].key.id, by=PLACE_OPERATOR, overlap="none")
    keys.revoke(made["key_revoked"].key.id, by=PLACE_OPERATOR)
    place.clock.advance(60)
    texts = {name: minted.secret for name, minted in made.items()}
    texts["key_unknown"] = new_key_text(new_id(), Environment(keys.list()[0].environment))
    texts["key_wrong_secret"] = new_key_text(
        made["key_network"].key.id, Environment(keys.list()[0].environment)
    )
    texts["key_checksum"] = texts["key_unknown"][:-6] + "000000"
    texts["key_malformed"] = "jfk_live_guess"
    return texts


def test_the_operator_learns_the_reason_and_the_caller_one_code() -> None:
    place = make_place()
    texts = refused_keys(place)

    answers = {
        name: place.client.get("/chat", headers={"X-API-Key": text}) for name, text in texts.items()
    }

    told = [
        (answer.status_code, {k: v for k, v in answer.get_json().items() if k != "decision"})
        for answer in answers.values()
    ]
    assert told[0][0] == 401
    assert told[0][1]["code"] == "credential_invalid"
    assert told == [told[0]] * len(texts)
    assert {answer.headers["WWW-Authenticate"] for answer in answers.values()} == {
        answers["key_expired"].headers["WWW-Authenticate"]
    }
    reasons = {event.reason for event in place.events(EventType.KEY_REJECTED)}
    assert reasons == set(texts)
