"""What a key costs to find out about, and what becomes of it when the root key is rotated."""

from __future__ import annotations

import pytest

from flask_jafsec.identity.key_format import CHECKSUM_CHARS, new_key_text
from flask_jafsec.ids import new_id
from flask_jafsec.records import Environment
from tests.identity.key_setting import may, mint, reason
from tests.identity.raced_store import RacedStore
from tests.identity.rights_setting import OPERATOR, House, Roots, make_house


@pytest.fixture
def house() -> House:
    return make_house()


def mangled(how: str, secret: str) -> str:
    body, checksum = secret[:-CHECKSUM_CHARS], secret[-CHECKSUM_CHARS:]
    return {
        "wrong checksum": body + checksum[::-1],
        "checksum missing": body,
        "one more": secret + "0",
        "cut in the middle": secret[:40],
        "other prefix": "jfk_beta" + secret[8:],
        "lower case id": secret[:9] + secret[9:35].lower() + secret[35:],
        "a line feed": secret[:-1] + "\n",
        "secret changed": body[:-1] + ("0" if body[-1] != "0" else "1") + checksum,
        "nothing": "",
        "long": "jfk_live_" + "0" * 10_000,
    }[how]


@pytest.mark.parametrize(
    "how",
    [
        "wrong checksum",
        "checksum missing",
        "one more",
        "cut in the middle",
        "other prefix",
        "lower case id",
        "a line feed",
        "secret changed",
        "nothing",
        "long",
    ],
)
def test_a_malformed_key_is_refused_without_touching_the_database(house: House, how: str) -> None:
    text = mangled(how, mint(house).secret)
    house.store.is_down = True
    before = (house.store.reads, house.store.writes, len(house.roots.derived))

    assert reason(house, text) in {"key_malformed", "key_checksum"}

    assert (house.store.reads, house.store.writes, len(house.roots.derived)) == before


@pytest.mark.parametrize("ours", ["live", "test"])
def test_a_key_of_the_other_environment_is_refused_without_touching_the_database(
    ours: str,
) -> None:
    house = make_house(environment=ours)
    theirs = "test" if ours == "live" else "live"
    secret = mint(house, environment=theirs).secret
    before = house.store.reads

    assert reason(house, secret) == "key_environment"

    assert house.store.reads == before
    assert reason(make_house(store=house.store, environment=theirs), secret) == ""


def test_an_unknown_key_costs_as_much_as_a_known_one_with_another_secret(house: House) -> None:
    known = mint(house).key.id
    work = []
    for key_id, told in ((new_id(), "key_unknown"), (known, "key_wrong_secret")):
        before = (house.store.reads, len(house.roots.derived))
        assert reason(house, new_key_text(key_id, Environment.LIVE)) == told
        work.append((house.store.reads - before[0], len(house.roots.derived) - before[1]))

    assert work == [(1, 1), (1, 1)]


def test_a_remembered_key_asks_the_store_no_more_until_something_changes(house: House) -> None:
    secret = mint(house).secret
    may(house, secret)
    before = house.store.reads
    for _ in range(5):
        may(house, secret)
    assert house.store.reads == before

    house.roles.define("writer", ["chat:write"], by=OPERATOR)
    before = house.store.reads

    may(house, secret)

    assert house.store.reads == before + 1


def test_forged_keys_are_not_remembered() -> None:
    house = make_house(max_remembered=10)
    secret = mint(house).secret
    may(house, secret)
    for _ in range(50):
        assert reason(house, new_key_text(new_id(), Environment.LIVE)) == "key_unknown"
    before = house.store.reads

    may(house, secret)

    assert house.store.reads == before


# -- rotation of the root key --


def test_a_key_of_an_older_root_is_hashed_anew_at_its_next_use(raced_house: House) -> None:
    minted = mint(raced_house)
    both = raced_house.another(roots=Roots("r2", "r1"))

    assert reason(both, minted.secret) == ""

    assert both.keys.get(minted.key.id).root_id == "r2"
    assert reason(raced_house.another(roots=Roots("r2")), minted.secret) == ""


def test_hashing_anew_does_not_undo_a_revocation(raced: RacedStore, raced_house: House) -> None:
    minted = mint(raced_house)
    both = raced_house.another(roots=Roots("r2", "r1"))
    raced.meanwhile.append(lambda: raced_house.keys.revoke(minted.key.id, by=OPERATOR))

    reason(both, minted.secret)

    assert reason(both, minted.secret) == "key_revoked"


def test_a_key_whose_root_is_gone_is_refused_and_the_operator_is_told(house: House) -> None:
    minted = mint(house)
    later = house.another(roots=Roots("r2"))

    assert reason(later, minted.secret) == "key_root_missing"


def test_a_database_that_cannot_be_written_refuses_nobody(house: House) -> None:
    minted = mint(house)
    house.store.cannot_write = True

    assert reason(house.another(roots=Roots("r2", "r1")), minted.secret) == ""
