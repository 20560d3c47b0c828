"""What every store promises about times, sizes and facts."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from flask_jafsec.errors import InvalidValue
from flask_jafsec.protocols import Store
from flask_jafsec.stores.values import MAX_TEXT_BYTES
from tests.stores.made import NOW, api_key, ban, grant, use, user

MOMENTS = [
    pytest.param(NOW, id="last microsecond before summer time"),
    pytest.param(datetime(1, 1, 1, tzinfo=UTC), id="first"),
    pytest.param(datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC), id="last"),
    pytest.param(datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC), id="before 1970"),
    pytest.param(datetime(2026, 11, 22, 0, 0, 0, 1, tzinfo=UTC), id="one microsecond"),
    pytest.param(datetime(2255, 6, 5, 23, 47, 34, 740_993, tzinfo=UTC), id="beyond a float"),
]


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_time_comes_back_to_the_microsecond_in_utc(store: Store, moment: datetime) -> None:
    with store.writing() as tables:
        tables.users.add(user(created_at=moment, disabled_at=moment))

    with store.reading() as tables:
        found = tables.users.page()[0]

    assert found.created_at == moment
    assert found.created_at.tzinfo is UTC
    assert found.disabled_at == moment


def test_a_time_of_another_zone_is_kept_in_utc(store: Store) -> None:
    here = timezone(timedelta(hours=5, minutes=45))
    moment = datetime(2026, 11, 22, 5, 0, tzinfo=here)
    with store.writing() as tables:
        tables.users.add(user(created_at=moment))

    with store.reading() as tables:
        found = tables.users.page()[0].created_at

    assert found == moment
    assert found.tzinfo is UTC


def test_a_time_without_a_zone_is_refused(store: Store) -> None:
    naive = NOW.replace(tzinfo=None)

    with pytest.raises(InvalidValue, match="created_at"), store.writing() as tables:
        tables.users.add(user(created_at=naive))


def test_the_longest_text_is_kept_even_where_two_share_an_index(store: Store) -> None:
    longest = "\u20ac" * (MAX_TEXT_BYTES // 3)
    with store.writing() as tables:
        tables.roles.grant(grant(longest, longest))
        tables.keys.add(api_key(id=longest, owner=longest))

    with store.reading() as tables:
        assert tables.roles.roles_of(longest) == {longest}
        assert tables.keys.find(longest) is not None


def test_a_longer_text_is_refused(store: Store) -> None:
    with pytest.raises(InvalidValue, match="subject"), store.writing() as tables:
        tables.roles.grant(grant("\u20ac" * (MAX_TEXT_BYTES // 3 + 1)))


def test_the_largest_integer_is_kept_and_a_larger_one_refused(store: Store) -> None:
    largest = ban(2**63 - 1)
    with store.writing() as tables:
        tables.tokens.revoke(largest)
        with pytest.raises(InvalidValue, match="epoch"):
            tables.tokens.revoke(ban(2**63))
        with pytest.raises(InvalidValue, match="allowed"):
            tables.keys.add_uses([use("any", 2**63)])

    with store.reading() as tables:
        assert tables.tokens.revocations(newer_than=0, at=NOW) == [largest]


def test_a_fact_is_replaced(store: Store) -> None:
    with store.writing() as tables:
        tables.facts.put("app_id", "shop")
        tables.facts.put("app_id", "")
        tables.facts.put("other", "x")

    with store.reading() as tables:
        assert tables.facts.get("app_id") == ""
        assert tables.facts.get("other") == "x"
        assert tables.facts.get("none") is None
