"""API keys are minted, rotated and revoked; what their texts prove is tested beside this."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from flask_jafsec.errors import Conflict, GrantExceeded, InvalidValue
from flask_jafsec.events import EventType
from flask_jafsec.identity.key_arguments import MAX_NETWORKS
from flask_jafsec.identity.permissions import MAX_LISTED
from flask_jafsec.records import ApiKey, Environment, MintedKey
from tests.identity.raced_store import RacedStore
from tests.identity.rights_setting import OPERATOR, House, StillClock, actor, make_house

NEXT_YEAR = datetime(2027, 1, 1, tzinfo=UTC)


@pytest.fixture
def house() -> House:
    return make_house()


def mint(house: House, *scopes: str, **options: Any) -> MintedKey:
    return house.keys.mint("ci", scopes=scopes or ("agent:read",), by=OPERATOR, **options)


# -- what a minter may give away --


@pytest.mark.parametrize(
    ("held", "asked", "lacking"),
    [
        pytest.param(["agent:read"], ["agent:read"], (), id="the same"),
        pytest.param(["agent:*"], ["agent:read", "agent:x:y"], (), id="less"),
        pytest.param(["agent:*"], [], (), id="nothing"),
        pytest.param([], ["agent:read"], ("agent:read",), id="from nothing"),
        pytest.param(["agent:read"], ["agent:*"], ("agent:*",), id="a wildcard of one"),
        pytest.param(["agent:*"], ["*"], ("*",), id="everything of some"),
        pytest.param(["agent:*"], ["agent:read", "chat:read"], ("chat:read",), id="one more"),
        pytest.param(["*"], ["jafsec:keys:read"], ("jafsec:keys:read",), id="our own"),
        pytest.param(["*"], ["jafsec:*"], ("jafsec:*",), id="administration"),
    ],
)
def test_a_key_never_has_more_than_its_minter(
    house: House, held: list[str], asked: list[str], lacking: tuple[str, ...]
) -> None:
    minter = actor(*held)
    if not lacking:
        assert house.keys.mint("ci", scopes=asked, by=minter).key.scopes == frozenset(asked)
        return

    with pytest.raises(GrantExceeded) as refused:
        house.keys.mint("ci", scopes=asked, by=minter)

    assert refused.value.missing == lacking
    assert house.keys.list() == []
    assert house.notebook.of(EventType.KEY_MINTED) == []


def test_nobody_rotates_a_key_to_more_than_they_hold(house: House) -> None:
    minted = mint(house, "agent:read", "chat:read")

    with pytest.raises(GrantExceeded) as refused:
        house.keys.rotate(minted.key.id, by=actor("agent:*"))

    assert refused.value.missing == ("chat:read",)
    assert house.keys.list() == [minted.key]
    assert house.keys.rotate(minted.key.id, by=actor("agent:*", "chat:*")).key.scopes == {
        "agent:read",
        "chat:read",
    }


# -- what can be said about a key --


@pytest.mark.parametrize(
    ("options", "field"),
    [
        pytest.param({"environment": "prod"}, "environment", id="no such environment"),
        pytest.param({"expires_at": datetime(2027, 1, 1)}, "expires_at", id="without a zone"),  # noqa: DTZ001 - what is refused
        pytest.param({"expires_at": StillClock().now()}, "expires_at", id="ends now"),
        pytest.param({"expires_at": datetime(2025, 1, 1, tzinfo=UTC)}, "expires_at", id="past"),
        pytest.param({"networks": ["10.0.0.1/8"]}, "networks", id="a host, not a network"),
        pytest.param({"networks": ["intranet"]}, "networks", id="a name"),
        pytest.param({"networks": ["10.0.0.0/8", ""]}, "networks", id="nothing among them"),
        pytest.param(
            {"networks": [f"10.0.{n}.0/24" for n in range(MAX_NETWORKS + 1)]},
            "networks",
            id="too many networks",
        ),
        pytest.param({"rate": "often"}, "rate", id="no rate"),
        pytest.param({"owner": "an\nn"}, "owner", id="two lines of owner"),
        pytest.param({"tenant": "a\x00"}, "tenant", id="control character"),
        pytest.param({"scopes": "agent:read"}, "permissions", id="one text"),
        pytest.param({"scopes": ["Agent Read"]}, "permission", id="no permission"),
        pytest.param(
            {"scopes": [f"agent:a{n}" for n in range(MAX_LISTED + 1)]},
            "permissions",
            id="too many scopes",
        ),
        pytest.param({"name": " "}, "name", id="blank name"),
    ],
)
def test_what_cannot_be_meant_is_refused_and_nothing_is_kept(
    house: House, options: Mapping[str, Any], field: str
) -> None:
    said = {"name": "ci", "scopes": ["agent:read"], **options}

    with pytest.raises(InvalidValue) as refused:
        house.keys.mint(said.pop("name"), by=OPERATOR, **said)

    assert refused.value.field == field
    assert house.keys.list() == []


def test_a_key_belongs_to_the_environment_it_was_minted_in(house: House) -> None:
    here, there = mint(house), mint(house, environment="test")

    assert here.key.environment is Environment.LIVE
    assert here.secret.startswith("jfk_live_")
    assert there.key.environment is Environment.TEST
    assert there.secret.startswith("jfk_test_")


def test_networks_are_kept_in_one_form(house: House) -> None:
    minted = mint(house, networks=["10.0.0.0/255.0.0.0", "2001:DB8:0::/32", "192.0.2.7"])

    assert minted.key.networks == ("10.0.0.0/8", "2001:db8::/32", "192.0.2.7/32")


# -- what is kept of it --


def test_the_secret_is_stored_nowhere(raced_house: House, tmp_path: Path) -> None:
    minted = mint(raced_house)
    successor = raced_house.keys.rotate(minted.key.id, by=OPERATOR)

    for secret in (minted.secret, successor.secret):
        random_part = secret.rpartition("_")[2]
        told = [raced_house.keys.list(), raced_house.notebook.events, minted, successor]
        assert random_part not in repr(told)
        assert not any(
            random_part.encode() in file.read_bytes() for file in tmp_path.glob("*.sqlite*")
        )


def test_equal_requests_give_different_keys(house: House) -> None:
    first, second = mint(house), mint(house)

    assert first.key.id != second.key.id
    assert first.secret.rpartition("_")[2] != second.secret.rpartition("_")[2]
    assert first.key.digest != second.key.digest


# -- rotating --


def test_the_successor_has_the_same_rights_and_bounds(raced_house: House) -> None:
    old = mint(
        raced_house,
        "agent:read",
        owner="ann",
        environment="test",
        expires_at=NEXT_YEAR,
        networks=["10.0.0.0/8"],
        rate="100/minute",
        tenant="acme",
    ).key
    raced_house.clock.advance(60)

    new = raced_house.keys.rotate(old.id, by=OPERATOR, overlap="1h").key

    kept = ("name", "owner", "scopes", "environment", "expires_at", "networks", "rate", "tenant")
    for field in kept:
        assert getattr(new, field) == getattr(old, field)
    assert new.created_at == raced_house.clock.now()
    assert (new.rotated_at, new.ends_at, new.successor, new.last_used_at) == (None, None, "", None)
    assert raced_house.keys.get(old.id).successor == new.id


@pytest.mark.parametrize(
    ("overlap", "lasts"),
    [
        ("none", timedelta(0)),
        ("1h", timedelta(hours=1)),
        ("24h", timedelta(days=1)),
        ("7d", timedelta(days=7)),
    ],
)
def test_the_old_key_ends_after_the_overlap(
    raced_house: House, overlap: str, lasts: timedelta
) -> None:
    old = mint(raced_house).key

    raced_house.keys.rotate(old.id, by=OPERATOR, overlap=overlap)

    assert raced_house.keys.get(old.id).ends_at == raced_house.clock.now() + lasts


def test_the_old_key_lasts_a_day_where_nothing_is_said(house: House) -> None:
    old = mint(house).key

    house.keys.rotate(old.id, by=OPERATOR)

    assert house.keys.get(old.id).ends_at == house.clock.now() + timedelta(days=1)


@pytest.mark.parametrize("overlap", ["", "2h", "1H", "forever", "3600"])
def test_there_are_four_overlaps_and_no_others(house: House, overlap: str) -> None:
    old = mint(house).key

    with pytest.raises(InvalidValue):
        house.keys.rotate(old.id, by=OPERATOR, overlap=overlap)

    assert house.keys.list() == [old]


def end_by(house: House, how: str, key: ApiKey) -> None:
    if how == "rotated":
        house.keys.rotate(key.id, by=OPERATOR)
    elif how == "revoked":
        house.keys.revoke(key.id, by=OPERATOR)
    else:
        house.clock.advance(3600)


@pytest.mark.parametrize("how", ["rotated", "revoked", "expired"])
def test_a_key_that_ended_is_not_rotated(raced_house: House, how: str) -> None:
    old = mint(raced_house, expires_at=raced_house.clock.now() + timedelta(hours=1)).key
    end_by(raced_house, how, old)
    before = raced_house.keys.list()

    with pytest.raises(Conflict):
        raced_house.keys.rotate(old.id, by=OPERATOR)

    assert raced_house.keys.list() == before


@pytest.mark.parametrize("how", ["rotated", "revoked"])
def test_a_key_that_somebody_ended_meanwhile_is_not_rotated(
    raced: RacedStore, raced_house: House, how: str
) -> None:
    old = mint(raced_house).key
    elsewhere = raced_house.another()
    raced.meanwhile.append(lambda: end_by(elsewhere, how, old))

    with pytest.raises(Conflict):
        raced_house.keys.rotate(old.id, by=OPERATOR)

    assert raced.meanwhile == []
    present = raced_house.keys.get(old.id)
    assert (present.revoked_at is not None) is (how == "revoked")
    assert len(raced_house.keys.list()) == (2 if how == "rotated" else 1)
    assert len(raced_house.notebook.of(EventType.KEY_ROTATED)) == (how == "rotated")


def test_of_eight_who_rotate_at_once_one_succeeds(raced_house: House) -> None:
    old = mint(raced_house).key

    def rotate(_: int) -> str:
        try:
            return raced_house.keys.rotate(old.id, by=OPERATOR).key.id
        except Conflict:
            return ""

    with ThreadPoolExecutor(8) as pool:
        successors = [made for made in pool.map(rotate, range(8)) if made]

    assert successors == [raced_house.keys.get(old.id).successor]
    assert len(raced_house.keys.list()) == 2
