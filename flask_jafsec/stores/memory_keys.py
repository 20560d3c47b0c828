"""API keys and their use on dictionaries."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from flask_jafsec import stored_keys
from flask_jafsec.errors import Conflict, NotFound
from flask_jafsec.records import ApiKey, KeyUse
from flask_jafsec.stored_keys import (
    DayUse,
    KeyFigures,
    KeyOrder,
    KeySelection,
    KeyStatus,
    KeyWalk,
)
from flask_jafsec.stores.key_texts import id_of, is_of_scopes, lower
from flask_jafsec.stores.memory_contents import Contents
from flask_jafsec.stores.values import storable

_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class MemoryKeys:
    """A ``KeyStore`` in one transaction."""

    contents: Contents

    def find(self, key_id: str) -> ApiKey | None:
        """Return the key with this id."""
        return self.contents.keys.get(key_id)

    def add(self, key: ApiKey) -> None:
        """Raises Conflict when the id is taken."""
        key = storable(key)
        keys = self.contents.change().keys
        if key.id in keys:
            raise Conflict("an API key with this id exists")
        keys[key.id] = key

    def replace(self, key: ApiKey) -> None:
        """Write all fields but ``last_used_at``. Raises NotFound."""
        key = storable(key)
        keys = self.contents.change().keys
        if key.id not in keys:
            raise NotFound("key", key.id)
        keys[key.id] = replace(key, last_used_at=keys[key.id].last_used_at)

    def page(
        self, *, owner: str | None = None, after: str = "", limit: int = 100
    ) -> Sequence[ApiKey]:
        """Return keys in the order of their ids (oldest first), those after id *after*."""
        keys = self.contents.keys
        ids = [id_ for id_ in keys if id_ > after and (owner is None or keys[id_].owner == owner)]
        return [keys[id_] for id_ in sorted(ids)[:limit]]

    def add_uses(self, uses: Iterable[KeyUse]) -> None:
        """Add the amounts to the hours, and move ``last_used_at`` forward, never back."""
        contents = self.contents.change()
        for use in [storable(use) for use in uses]:
            place = use.key_id, use.hour
            old = contents.uses.get(place, KeyUse(use.key_id, use.hour, 0, 0))
            contents.uses[place] = replace(
                old, allowed=old.allowed + use.allowed, refused=old.refused + use.refused
            )
            key = contents.keys.get(use.key_id)
            if key is not None and use.last_at is not None:
                last = max(use.last_at, key.last_used_at or use.last_at)
                contents.keys[key.id] = replace(key, last_used_at=last)

    def uses(self, key_id: str, since: datetime) -> Sequence[KeyUse]:
        """Return the amounts of each hour from *since* on."""
        found = [u for u in self.contents.uses.values() if u.key_id == key_id and u.hour >= since]
        return sorted(found, key=lambda use: use.hour)

    def walk(self, selection: KeySelection, walk: KeyWalk) -> Sequence[ApiKey]:
        """Return the selected keys along a walk."""
        place = _PLACES[walk.order]
        found = sorted(self._selected(selection), key=place, reverse=not walk.ascending)
        if walk.beyond is not None:
            edge = _comparable(walk.order, walk.beyond.value), walk.beyond.id
            found = [k for k in found if (place(k) > edge if walk.ascending else place(k) < edge)]
        return found[: walk.limit]

    def count(self, selection: KeySelection) -> int:
        """Return how many keys are selected."""
        return sum(1 for _ in self._selected(selection))

    def figures(self, at: datetime) -> KeyFigures:
        """Return how many keys there are of each kind."""
        counted = {
            status.value: self.count(KeySelection(at, status))
            for status in KeyStatus
            if status not in (KeyStatus.ALL, KeyStatus.ENDED)
        }
        return KeyFigures(**counted)

    def day_uses(self, key_ids: Collection[str], since: datetime) -> Sequence[DayUse]:
        """Return the sums of every 24 hours from *since* on, where there are any."""
        allowed: Counter[tuple[str, int]] = Counter()
        refused: Counter[tuple[str, int]] = Counter()
        for use in self.contents.uses.values():
            if use.key_id in key_ids and use.hour >= since:
                place = use.key_id, (use.hour - since) // _DAY
                allowed[place] += use.allowed
                refused[place] += use.refused
        return [DayUse(*place, n, refused[place]) for place, n in sorted(allowed.items())]

    def _selected(self, selection: KeySelection) -> Iterable[ApiKey]:
        is_meant = _STATUSES[selection.status]
        names = {user.id: user.name_key for user in self.contents.users.values()}
        return (
            key
            for key in self.contents.keys.values()
            if is_meant(key, selection.at) and _is_found(key, selection.text, names)
        )


def _is_found(key: ApiKey, text: str, names: Mapping[str, str]) -> bool:
    if not text:
        return True
    begins = id_of(text)
    return (
        text in lower(key.name)
        or text in lower(key.owner)
        or (is_of_scopes(text) and any(text in scope for scope in key.scopes))
        or (bool(begins) and key.id.startswith(begins))
        or names.get(key.owner, "").startswith(text)
    )


def _of_those_that_work(
    rule: Callable[[ApiKey, datetime], bool],
) -> Callable[[ApiKey, datetime], bool]:
    return lambda key, at: stored_keys.works(key, at) and rule(key, at)


_STATUSES: Final[Mapping[KeyStatus, Callable[[ApiKey, datetime], bool]]] = {
    KeyStatus.ACTIVE: stored_keys.works,
    KeyStatus.ALL: lambda _key, _at: True,
    KeyStatus.ENDED: lambda k, at: stored_keys.is_listed(k, at) and not stored_keys.works(k, at),
    KeyStatus.EXPIRING: _of_those_that_work(stored_keys.is_expiring),
    KeyStatus.LISTED: stored_keys.is_listed,
    KeyStatus.ROTATING: _of_those_that_work(lambda key, _at: key.ends_at is not None),
    KeyStatus.UNUSED: _of_those_that_work(stored_keys.is_unused),
    KeyStatus.WILDCARD: _of_those_that_work(lambda key, _at: stored_keys.has_wildcard(key)),
}


def _comparable(order: KeyOrder, value: datetime | str | None) -> Any:
    # What is missing comes first, or last, in the order that ascends.
    if order in (KeyOrder.EXPIRES, KeyOrder.USED):
        return (value is None) is (order is KeyOrder.EXPIRES), value or 0
    return value


_PLACES: Final[Mapping[KeyOrder, Callable[[ApiKey], Any]]] = {
    KeyOrder.CREATED: lambda key: (_comparable(KeyOrder.CREATED, None), key.id),
    KeyOrder.EXPIRES: lambda key: (_comparable(KeyOrder.EXPIRES, key.expires_at), key.id),
    KeyOrder.NAME: lambda key: (key.name, key.id),
    KeyOrder.USED: lambda key: (_comparable(KeyOrder.USED, key.last_used_at), key.id),
}
