"""The list of API keys as people look at it: found, sorted, in pages, each key with its use."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from flask_jafsec.errors import InvalidValue
from flask_jafsec.identity.key_cursors import KeyCursors
from flask_jafsec.identity.key_format import KEY_CHARS, looks_like_key
from flask_jafsec.identity.key_state import KeyState, state_of
from flask_jafsec.identity.names import in_one_form
from flask_jafsec.protocols import Clock, Store, Tables
from flask_jafsec.records import ApiKey
from flask_jafsec.stored_keys import (
    KeyFigures,
    KeyOrder,
    KeyPlace,
    KeySelection,
    KeyStatus,
    KeyWalk,
)

#: Rows of a page, and what else may be chosen. Source: console specification, B4.
PAGE_SIZE: Final = 50
PAGE_SIZES: Final = (25, 50, 100)

#: Longer texts are in no name.
MAX_TEXT_CHARS: Final = 200

#: Days of a key's use that a list draws, and a key's own page. Source: console specification, B5.
DAYS: Final = 14

#: Bars of a key's own page: each as long as this.
BAR: Final = timedelta(hours=6)

#: What was last used comes first. Source: console specification, B5.
SORT: Final = "-used"

#: Bytes of a fingerprint that people compare by eye.
FINGERPRINT_BYTES: Final = 6

_HOUR: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class KeyRow:
    """One key of the list."""

    key: ApiKey
    state: KeyState
    owner: str
    """The owner's name where it is a user of ours, else the subject."""
    days: tuple[int, ...]
    """Requests of the last 14 times 24 hours, oldest first, up to the present hour."""

    @property
    def day(self) -> int:
        """Requests of the last 24 hours, by whole hours."""
        return self.days[-1]


@dataclass(frozen=True, slots=True)
class KeyPage:
    """A page of the list."""

    rows: tuple[KeyRow, ...]
    figures: KeyFigures
    matching: int
    """How many keys the whole list has."""
    after: str = ""
    """Where the next page begins; empty at the end."""
    before: str = ""
    """Where the page before ends; empty at the beginning."""


@dataclass(frozen=True, slots=True)
class KeyBar:
    """What happened to a key in six hours."""

    start: datetime
    end: datetime
    allowed: int
    refused: int


class KeyLists:
    """Lists keys, and what they are used for.

    Args:
        cursor_keys: For places in the list, newest first.
    """

    def __init__(self, store: Store, clock: Clock, cursor_keys: Sequence[bytes]) -> None:
        self._store = store
        self._clock = clock
        self._cursors = KeyCursors(cursor_keys)

    def page(
        self,
        *,
        text: str = "",
        status: str = KeyStatus.LISTED,
        sort: str = SORT,
        after: str = "",
        before: str = "",
        size: int = PAGE_SIZE,
    ) -> KeyPage:
        """Return a page of the list: a constant number of queries, whatever its length.

        Args:
            text: Part of a name, an owner or a scope, or how an id, a prefix or a user's name
                begins.
            sort: ``used``, ``created``, ``name`` or ``expires``; with ``-`` the other way round.
            after: Where an earlier page ended.
            before: Where a later page began.

        Raises:
            InvalidValue: An argument cannot be used; ``field`` says which.
            StoreUnavailable: The database did not answer.
        """
        selection = KeySelection(self._clock.now(), _status(status), wanted(text))
        order, ascending = _order(sort)
        if size not in PAGE_SIZES:
            raise InvalidValue("size", "must be 25, 50 or 100")
        scope = f"{sort} {selection.status} {selection.text}"
        beyond = self._beyond(after, before, scope)
        walk = KeyWalk(order, ascending is not bool(before), beyond, size + 1)
        with self._store.reading() as tables:
            found = list(tables.keys.walk(selection, walk))
            shown = found[:size][::-1] if before else found[:size]
            figures = tables.keys.figures(selection.at)
            is_all = selection.status is KeyStatus.LISTED and not selection.text
            matching = figures.listed if is_all else tables.keys.count(selection)
            rows = self._rows(tables, shown, selection.at)
        has_more = len(found) > size
        edges = [
            self._cursors.sign(_place(key, order), scope) for key in shown[::-1][:1] + shown[:1]
        ]
        last, first = edges or ("", "")
        return KeyPage(
            rows,
            figures,
            matching,
            after=last if before or has_more else "",
            before=first if after or (before and has_more) else "",
        )

    def row(self, key: ApiKey) -> KeyRow:
        """Return what the list says about one key."""
        with self._store.reading() as tables:
            (row,) = self._rows(tables, [key], self._clock.now())
        return row

    def bars(self, key_id: str) -> tuple[KeyBar, ...]:
        """Return what happened to a key in 14 days, in bars of six hours; the last one goes on."""
        now = self._clock.now()
        hour = now.replace(minute=0, second=0, microsecond=0)
        end = hour - timedelta(hours=hour.hour % 6) + BAR
        start = end - DAYS * _DAY
        with self._store.reading() as tables:
            uses = tables.keys.uses(key_id, start)
        sums = [[0, 0] for _ in range(DAYS * _DAY // BAR)]
        for use in uses:
            place = min((use.hour - start) // BAR, len(sums) - 1)
            sums[place][0] += use.allowed
            sums[place][1] += use.refused
        return tuple(
            KeyBar(start + n * BAR, start + (n + 1) * BAR, *two) for n, two in enumerate(sums)
        )

    def _beyond(self, after: str, before: str, scope: str) -> KeyPlace | None:
        if after and before:
            raise InvalidValue("before", "cannot be given together with 'after'")
        if not after and not before:
            return None
        return self._cursors.verify("after" if after else "before", after or before, scope)

    def _rows(self, tables: Tables, keys: Sequence[ApiKey], now: datetime) -> tuple[KeyRow, ...]:
        since = now.replace(minute=0, second=0, microsecond=0) + _HOUR - DAYS * _DAY
        days = {key.id: [0] * DAYS for key in keys}
        for key_id, day, allowed, refused in tables.keys.day_uses(list(days), since):
            days[key_id][min(day, DAYS - 1)] += allowed + refused
        names = tables.users.names({key.owner for key in keys if key.owner})
        return tuple(
            KeyRow(key, state_of(key, now), names.get(key.owner, key.owner), tuple(days[key.id]))
            for key in keys
        )


def wanted(text: str) -> str:
    """Return what to look for, in one form. Raises InvalidValue."""
    if len(text) > MAX_TEXT_CHARS:
        raise InvalidValue("q", f"must be at most {MAX_TEXT_CHARS} characters")
    return in_one_form(without_secret(text))


def without_secret(text: str) -> str:
    """Return *text*; of a whole key only what is no secret, so that it is not kept anywhere."""
    stripped = text.strip()
    if len(stripped) == KEY_CHARS and looks_like_key(stripped):
        return stripped.rpartition("_")[0]
    return text


def prefix_of(key: ApiKey) -> str:
    """Return how the key's text begins, as far as it is no secret and short enough to read."""
    return f"jfk_{key.environment}_{key.id[:10]}…"


def fingerprint_of(key: ApiKey) -> str:
    """Return what tells two keys apart and says nothing of the secret: it is of the stored hash."""
    return hashlib.sha256(key.digest).digest()[:FINGERPRINT_BYTES].hex(":")


def _status(text: str) -> KeyStatus:
    try:
        return KeyStatus(text)
    except ValueError:
        known = ", ".join(status.value for status in KeyStatus)
        raise InvalidValue("status", f"must be one of {known}") from None


def _order(sort: str) -> tuple[KeyOrder, bool]:
    name = sort.removeprefix("-")
    try:
        return KeyOrder(name), name == sort
    except ValueError:
        known = ", ".join(order.value for order in KeyOrder)
        raise InvalidValue("sort", f"must be one of {known}, with - the other way") from None


def _place(key: ApiKey, order: KeyOrder) -> KeyPlace:
    values: dict[KeyOrder, datetime | str | None] = {
        KeyOrder.CREATED: None,
        KeyOrder.EXPIRES: key.expires_at,
        KeyOrder.NAME: key.name,
        KeyOrder.USED: key.last_used_at,
    }
    return KeyPlace(values[order], key.id)
