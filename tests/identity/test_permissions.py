import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_jafsec.errors import GrantExceeded, InvalidValue
from flask_jafsec.identity.permissions import (
    ADMINISTRATION,
    MAX_LISTED,
    Actor,
    check_permission,
    check_permissions,
    covers,
    covers_all,
    covers_any,
    intersect,
    missing,
    require_held,
)

# A world small enough to write down: what a pattern stands for is what it covers in it.
WORDS = ("a", "b", "jafsec")
WORLD = [":".join(parts) for length in (2, 3) for parts in itertools.product(WORDS, repeat=length)]
PATTERNS = ["*", *(f"{a}:{b}" for a in WORDS for b in ("a", "b", "*"))] + [
    f"{a}:{b}:{c}" for a in WORDS for b in ("a", "b", "*") for c in ("a", "b", "*")
]
sets = st.frozensets(st.sampled_from(PATTERNS), max_size=5)


def meant_by(granted: frozenset[str]) -> set[str]:
    return {permission for permission in WORLD if covers(granted, permission)}


@pytest.mark.parametrize(
    "text",
    ["agent:read", "jafsec:keys:write", "a-b:c_d", "agent:*", "agent:*:read", "jafsec:keys:*", "*"],
)
def test_permissions_and_wildcards_are_accepted(text: str) -> None:
    assert check_permission(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "agent",
        "Agent:read",
        "agent:",
        ":read",
        "a:b:c:d",
        "agent:re*",
        "*:read",
        "**",
        "agent:read\n",
        "agent :read",
        "agent:réad",
        "agent:" + "r" * 100,
        "1a:b",
        7,
        None,
    ],
)
def test_anything_else_is_refused(text: object) -> None:
    with pytest.raises(InvalidValue):
        check_permission(text)


@pytest.mark.parametrize("text", ["*", "agent:*", "agent:*:read"])
def test_a_wildcard_is_refused_where_one_permission_is_wanted(text: str) -> None:
    with pytest.raises(InvalidValue):
        check_permission(text, wildcards=False)


@pytest.mark.parametrize(
    ("granted", "needed", "expected"),
    [
        pytest.param("agent:read", "agent:read", True, id="the same"),
        pytest.param("agent:read", "agent:write", False, id="another"),
        pytest.param("agent:read", "agent:read:all", False, id="longer"),
        pytest.param("agent:*", "agent:read", True, id="a last star for one part"),
        pytest.param("agent:*", "agent:read:all", True, id="a last star for two parts"),
        pytest.param("agent:*", "agents:read", False, id="whole parts only"),
        pytest.param("jafsec:keys:*", "jafsec:keys:read", True, id="a third star"),
        pytest.param("jafsec:keys:*", "jafsec:keys", False, id="a star is not nothing"),
        pytest.param("jafsec:keys:*", "jafsec:roles:read", False, id="another third"),
        pytest.param("a:*:read", "a:b:read", True, id="a middle star for one part"),
        pytest.param("a:*:read", "a:read", False, id="a middle star is not nothing"),
        pytest.param("a:*:read", "a:b:write", False, id="behind a middle star"),
        pytest.param("*", "agent:read", True, id="everything"),
        pytest.param("*", "jafsec:keys:read", False, id="everything but ours"),
        pytest.param("jafsec:*", "jafsec:keys:read", True, id="ours by name"),
        pytest.param("jafsec:*", "agent:read", False, id="ours only"),
    ],
)
def test_what_a_permission_covers(granted: str, needed: str, expected: bool) -> None:
    assert covers(frozenset({granted}), needed) is expected


def test_a_plain_star_never_includes_our_own_wildcard() -> None:
    assert missing(frozenset({"*"}), [ADMINISTRATION, "jafsec:keys:*", "agent:*"]) == {
        ADMINISTRATION,
        "jafsec:keys:*",
    }


@given(sets, st.sampled_from(PATTERNS))
def test_a_wildcard_is_covered_only_if_all_it_stands_for_is(
    granted: frozenset[str], wanted: str
) -> None:
    if covers(granted, wanted):
        assert meant_by(frozenset({wanted})) <= meant_by(granted)


@given(sets, sets)
def test_an_intersection_means_exactly_what_both_mean(a: frozenset[str], b: frozenset[str]) -> None:
    assert meant_by(intersect(a, b)) == meant_by(a) & meant_by(b)


@given(sets, sets)
def test_a_bound_never_adds_a_wildcard_that_was_not_granted(
    granted: frozenset[str], bound: frozenset[str]
) -> None:
    met = intersect(granted, bound)

    assert missing(granted, met) == frozenset()
    assert missing(bound, met) == frozenset()
    assert intersect(bound, granted) == met
    assert all(check_permission(permission) for permission in met)


def test_all_and_any_ask_for_all_and_any() -> None:
    granted = frozenset({"agent:*"})

    assert covers_all(granted, ["agent:read", "agent:write"])
    assert not covers_all(granted, ["agent:read", "chat:read"])
    assert covers_any(granted, ["chat:read", "agent:read"])
    assert not covers_any(granted, [])


def test_a_granter_who_lacks_something_is_told_what() -> None:
    with pytest.raises(GrantExceeded) as caught:
        require_held(Actor("ann", frozenset({"agent:*"})), ["agent:read", "chat:*", "*"])

    assert caught.value.missing == ("*", "chat:*")


def test_an_operator_holds_everything_and_ours_by_name() -> None:
    require_held(Actor.operator("cli:ann"), PATTERNS)

    assert Actor.operator("cli:ann").name == "cli:ann"


def test_a_list_of_permissions_is_bounded_and_not_one_text() -> None:
    assert check_permissions(["agent:read", "agent:read"]) == {"agent:read"}
    with pytest.raises(InvalidValue):
        check_permissions("agent:read")
    with pytest.raises(InvalidValue):
        check_permissions(f"agent:read{number}" for number in range(MAX_LISTED + 1))


def test_what_is_remembered_about_covering_is_bounded() -> None:
    assert covers.cache_parameters()["maxsize"] == 8_192
    assert intersect.cache_parameters()["maxsize"] == 8_192
