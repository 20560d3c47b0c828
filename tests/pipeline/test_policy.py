"""Who may call a route: permissions in all combinations, owners, and what cannot be declared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_jafsec.errors import DeclarationError, PartMissing
from flask_jafsec.identity.permissions import covers
from flask_jafsec.limiting.rates import By, Rate
from flask_jafsec.pipeline.policy import (
    ANY_CREDENTIAL,
    UNDECLARED,
    UNROUTED,
    public_policy,
    require_policy,
)
from flask_jafsec.records import ANONYMOUS, Credential, Identity, Kind

A, B, C = "agent:read", "chat:basic", "data:export"


@pytest.mark.parametrize(
    ("wanted", "any_of", "granted", "permitted"),
    [
        pytest.param([A], False, [A], True, id="the one"),
        pytest.param([A], False, [], False, id="none"),
        pytest.param([A], False, [B], False, id="another"),
        pytest.param([A], False, ["agent:*"], True, id="a wildcard of it"),
        pytest.param([A], False, ["*"], True, id="everything"),
        pytest.param([A], False, ["agent:read:x"], False, id="a part of it"),
        pytest.param(["jafsec:keys:read"], False, ["*"], False, id="our own are not everything"),
        pytest.param([A, B], False, [A, B], True, id="all of both"),
        pytest.param([A, B], False, [A], False, id="all, one lacks"),
        pytest.param([A, B], False, [A, C], False, id="all, another instead"),
        pytest.param(
            [A, B, C], False, ["agent:*", "chat:*", "data:*"], True, id="all by wildcards"
        ),
        pytest.param([A, B], True, [A], True, id="any, the first"),
        pytest.param([A, B], True, [B], True, id="any, the second"),
        pytest.param([A, B], True, [A, B], True, id="any, both"),
        pytest.param([A, B], True, [C], False, id="any, neither"),
        pytest.param([A, B], True, [], False, id="any, none"),
        pytest.param([], False, [], True, id="nothing asked but to be known"),
    ],
)
def test_permissions_are_all_wanted_or_any(
    wanted: list[str], any_of: bool, granted: list[str], permitted: bool
) -> None:
    policy = require_policy(wanted, any_of=any_of)

    assert policy.permits(frozenset(granted)) is permitted


SETS = st.frozensets(st.sampled_from([A, B, C, "agent:*", "*"]))


@given(st.lists(st.sampled_from([A, B, C]), min_size=2, max_size=3, unique=True), SETS)
def test_all_is_every_one_and_any_is_at_least_one(
    wanted: list[str], granted: frozenset[str]
) -> None:
    each = [covers(granted, permission) for permission in wanted]

    assert require_policy(wanted).permits(granted) is all(each)
    assert require_policy(wanted, any_of=True).permits(granted) is any(each)


# -- owners --


ANN = Identity(subject="ann", kind=Kind.PERSON)


@pytest.mark.parametrize(
    ("identity", "args", "owns"),
    [
        pytest.param(ANN, {"name": "ann"}, True, id="one's own"),
        pytest.param(ANN, {"name": "bob"}, False, id="another's"),
        pytest.param(ANN, {"name": "Ann"}, False, id="another case"),
        pytest.param(ANN, {"name": ""}, False, id="nobody's"),
        pytest.param(ANONYMOUS, {"name": ""}, False, id="nobody is not the owner of nobody's"),
        pytest.param(Identity(subject="7", kind=Kind.PERSON), {"name": 7}, True, id="a number"),
    ],
)
def test_a_named_argument_is_compared_with_the_caller(
    identity: Identity, args: Mapping[str, object], owns: bool
) -> None:
    policy = require_policy([A], owner="name")

    assert policy.is_owner(identity, args) is owns


@pytest.mark.parametrize(
    ("returned", "owns"),
    [(True, True), (False, False), (None, False), (1, False), ("yes", False), ([ANN], False)],
)
def test_only_true_makes_an_owner(returned: Any, owns: bool) -> None:
    asked: list[tuple[Identity, int]] = []

    def rule(identity: Identity, number: int) -> bool:
        asked.append((identity, number))
        return returned  # type: ignore[no-any-return]  # hosts forget to

    policy = require_policy([A], owner=rule)

    assert policy.is_owner(ANN, {"number": 3}) is owns
    assert asked == [(ANN, 3)]


@pytest.mark.parametrize("args", [{}, {"other": "ann"}, {"name": None}])
def test_a_view_argument_that_is_missing_lets_nobody_in(args: Mapping[str, object]) -> None:
    policy = require_policy([A], owner="name")

    assert not policy.is_owner(ANN, args)
    assert not policy.is_owner(Identity(subject="None", kind=Kind.PERSON), args)


# -- declaring --


@pytest.mark.parametrize(
    ("permissions", "options"),
    [
        pytest.param(["agent:*"], {}, id="a wildcard is granted, not asked for"),
        pytest.param(["Agent Read"], {}, id="no permission"),
        pytest.param([""], {}, id="an empty one"),
        pytest.param([A], {"any_of": True}, id="any of one"),
        pytest.param([], {"any_of": True}, id="any of none"),
        pytest.param([A], {"cost": 0}, id="costs nothing"),
        pytest.param([A], {"cost": -1}, id="gives back"),
        pytest.param([A], {"cost": 1.5}, id="a fraction"),
        pytest.param([A], {"cost": True}, id="a claim"),
        pytest.param([A], {"owner": "a name"}, id="no argument's name"),
        pytest.param([A], {"owner": ""}, id="an empty name"),
        pytest.param([A], {"owner": 3}, id="a number"),
        pytest.param([A], {"credentials": "password"}, id="unknown credential"),
        pytest.param([A], {"credentials": []}, id="no credential"),
        pytest.param([A], {"credentials": ["token", "none"]}, id="nobody among them"),
        pytest.param([A], {"limit": "20/never"}, id="no rate"),
        pytest.param([A], {"limit": ["chat", "chat"]}, id="a rate twice"),
        pytest.param([A], {"limits": "chat"}, id="a slip of the pen"),
    ],
)
def test_what_cannot_mean_anything_safe_is_refused(
    permissions: list[str], options: dict[str, Any]
) -> None:
    with pytest.raises(DeclarationError):
        require_policy(permissions, **options)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("signed", True),
        ("body", object),
        ("screen_input", True),
        ("screen_output", True),
        ("budget", "1000/day"),
        ("fresh", 300),
    ],
)
def test_what_another_part_will_bring_names_that_part(name: str, value: Any) -> None:
    with pytest.raises(PartMissing) as missing:
        require_policy([A], **{name: value})
    with pytest.raises(PartMissing):
        public_policy(**{name: value})

    assert missing.value.argument == name


def test_a_signature_as_a_credential_names_the_part_that_brings_it() -> None:
    with pytest.raises(PartMissing):
        require_policy([A], credentials=["token", "signature"])


@pytest.mark.parametrize(
    ("credentials", "accepted"),
    [
        (None, ANY_CREDENTIAL),
        ("token", {Credential.TOKEN}),
        (("key", "session"), {Credential.KEY, Credential.SESSION}),
    ],
)
def test_a_route_takes_the_credentials_it_names(
    credentials: Any, accepted: set[Credential]
) -> None:
    assert require_policy([A], credentials=credentials).credentials == accepted
    assert Credential.NONE not in ANY_CREDENTIAL


def test_saying_nothing_about_a_limit_is_not_saying_none() -> None:
    assert require_policy([A]).limits is None
    assert require_policy([A], limit=None).limits == ()
    assert public_policy().limits is None
    (rule,) = require_policy([A], limit="20/minute by route").limits or ()
    assert (rule.rate, rule.by) == (Rate(20, 60), By.ROUTE)


def test_a_route_that_says_nothing_is_not_public() -> None:
    assert not UNDECLARED.is_declared
    assert not UNDECLARED.is_public
    assert UNROUTED.is_public
    assert public_policy().is_public
    assert not require_policy([]).is_public
