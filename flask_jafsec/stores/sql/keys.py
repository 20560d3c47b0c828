"""API keys and how much they are used, in SQL."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from sqlalchemy import bindparam, or_, select, update

from flask_jafsec.errors import Conflict, NotFound
from flask_jafsec.records import ApiKey, KeyUse
from flask_jafsec.stored_keys import DayUse, KeyFigures, KeySelection, KeyWalk
from flask_jafsec.stores.sql import key_listing
from flask_jafsec.stores.sql.inserts import insert_if_new, insert_or_add
from flask_jafsec.stores.sql.rows import as_row
from flask_jafsec.stores.sql.transaction import Transaction
from flask_jafsec.stores.tables import API_KEY, KEY_USE
from flask_jafsec.stores.values import storable

_KEY = API_KEY.c
_USE = KEY_USE.c

_FIND = select(API_KEY).where(_KEY.id == bindparam("key_id"))
_PAGE = (
    select(API_KEY).where(_KEY.id > bindparam("after")).order_by(_KEY.id).limit(bindparam("limit"))
)
_PAGE_OF_OWNER = _PAGE.where(_KEY.owner == bindparam("owner"))
_REPLACE = update(API_KEY).where(_KEY.id == bindparam("key_id"))
_MOVE_LAST_USED = (
    update(API_KEY)
    .where(_KEY.id == bindparam("key_id"))
    .where(or_(_KEY.last_used_at.is_(None), _KEY.last_used_at < bindparam("last_at")))
    .values(last_used_at=bindparam("last_at"))
)
_USES = (
    select(KEY_USE)
    .where(_USE.key_id == bindparam("key_id"), _USE.hour >= bindparam("since"))
    .order_by(_USE.hour)
)


class SqlKeys:
    """A ``KeyStore`` in one transaction."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def find(self, key_id: str) -> ApiKey | None:
        """Return the key with this id."""
        return self._transaction.record(ApiKey, _FIND, key_id=key_id)

    def add(self, key: ApiKey) -> None:
        """Raises Conflict when the id is taken."""
        insert = insert_if_new(API_KEY, self._transaction.dialect)
        if not self._transaction.change(insert, **as_row(API_KEY, storable(key))):
            raise Conflict("an API key with this id exists")

    def replace(self, key: ApiKey) -> None:
        """Write all fields but ``last_used_at``. Raises NotFound."""
        row = as_row(API_KEY, storable(key))
        del row["last_used_at"]
        if not self._transaction.change(_REPLACE, key_id=key.id, **row):
            raise NotFound("key", key.id)

    def page(
        self, *, owner: str | None = None, after: str = "", limit: int = 100
    ) -> Sequence[ApiKey]:
        """Return keys in the order of their ids (oldest first), those after id *after*."""
        if owner is None:
            return self._transaction.records(ApiKey, _PAGE, after=after, limit=limit)
        return self._transaction.records(
            ApiKey, _PAGE_OF_OWNER, owner=owner, after=after, limit=limit
        )

    def add_uses(self, uses: Iterable[KeyUse]) -> None:
        """Add the amounts to the hours, and move ``last_used_at`` forward, never back."""
        allowed: Counter[tuple[str, datetime]] = Counter()
        refused: Counter[tuple[str, datetime]] = Counter()
        last: dict[str, datetime] = {}
        for use in map(storable, uses):
            allowed[use.key_id, use.hour] += use.allowed
            refused[use.key_id, use.hour] += use.refused
            if use.last_at is not None:
                last[use.key_id] = max(use.last_at, last.get(use.key_id, use.last_at))
        # Sorted: two processes that lock rows in the same order never wait for each other.
        hours = [
            {"key_id": key_id, "hour": hour, "allowed": n, "refused": refused[key_id, hour]}
            for (key_id, hour), n in sorted(allowed.items())
        ]
        moves = [{"key_id": key_id, "last_at": last[key_id]} for key_id in sorted(last)]
        insert = insert_or_add(KEY_USE, self._transaction.dialect)
        self._transaction.change_each(insert, hours)
        self._transaction.change_each(_MOVE_LAST_USED, moves)

    def uses(self, key_id: str, since: datetime) -> Sequence[KeyUse]:
        """Return the amounts of each hour from *since* on."""
        return self._transaction.records(KeyUse, _USES, key_id=key_id, since=since)

    def walk(self, selection: KeySelection, walk: KeyWalk) -> Sequence[ApiKey]:
        """Return the selected keys along a walk."""
        return key_listing.walk(self._transaction, selection, walk)

    def count(self, selection: KeySelection) -> int:
        """Return how many keys are selected."""
        return key_listing.count(self._transaction, selection)

    def figures(self, at: datetime) -> KeyFigures:
        """Return how many keys there are of each kind."""
        return key_listing.figures(self._transaction, at)

    def day_uses(self, key_ids: Collection[str], since: datetime) -> Sequence[DayUse]:
        """Return the sums of every 24 hours from *since* on, where there are any."""
        return key_listing.day_uses(self._transaction, key_ids, since)
