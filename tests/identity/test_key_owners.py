"""Who may mint or rotate a key that acts for somebody else."""

from __future__ import annotations

import pytest

from flask_jafsec import current_identity
from flask_jafsec.errors import GrantExceeded
from flask_jafsec.identity.permissions import Actor
from flask_jafsec.web.extension import state_of
from tests.apps import OPERATOR, Place, make_place

EVE = Actor("eve", frozenset({"chat:basic"}))
KEEPER = Actor("kim", frozenset({"chat:basic", "jafsec:keys:write"}))


@pytest.fixture
def place() -> Place:
    place = make_place(bare=True)

    @place.app.get("/files/<owner>")
    @place.jafsec.require("chat:basic", owner="owner")
    def files(owner: str) -> str:
        return f"{owner}'s files, read by {current_identity.subject}"

    for subject in ("eve", "root"):
        state_of(place.app).roles.grant(subject, "user", by=OPERATOR)
    return place


def test_nobody_becomes_somebody_else_by_minting_a_key(place: Place) -> None:
    keys = state_of(place.app).keys

    with pytest.raises(GrantExceeded) as refused:
        keys.mint("mine", scopes=["chat:basic"], by=EVE, owner="root")

    assert refused.value.missing == ("jafsec:keys:write",)
    assert keys.list() == []


def test_nobody_becomes_somebody_else_by_rotating_their_key(place: Place) -> None:
    keys = state_of(place.app).keys
    minted = keys.mint("root's", scopes=["chat:basic"], by=OPERATOR, owner="root")

    with pytest.raises(GrantExceeded):
        keys.rotate(minted.key.id, by=EVE)

    assert len(keys.list()) == 1


def test_ones_own_key_passes_ones_own_owner_rule_only(place: Place) -> None:
    minted = state_of(place.app).keys.mint("mine", scopes=["chat:basic"], by=EVE, owner="eve")
    headers = {"X-API-Key": minted.secret}

    assert place.client.get("/files/eve", headers=headers).status_code == 200
    assert place.client.get("/files/root", headers=headers).status_code == 403


def test_a_key_of_nobody_passes_no_owner_rule(place: Place) -> None:
    minted = state_of(place.app).keys.mint("mine", scopes=["chat:basic"], by=EVE)

    answer = place.client.get("/files/root", headers={"X-API-Key": minted.secret})

    assert answer.status_code == 403


def test_who_keeps_the_keys_may_mint_for_others_within_their_own_rights(place: Place) -> None:
    keys = state_of(place.app).keys

    minted = keys.mint("root's", scopes=["chat:basic"], by=KEEPER, owner="root")

    assert minted.key.owner == "root"
    assert keys.rotate(minted.key.id, by=KEEPER).key.owner == "root"
    with pytest.raises(GrantExceeded):
        keys.mint("more", scopes=["agent:manage"], by=KEEPER, owner="root")
