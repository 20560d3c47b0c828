"""Looks up what built-in users are called."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from flask_jafsec.protocols import Store


def names_of(store: Store, user_ids: Iterable[str]) -> Mapping[str, str]:
    """Return the names of those of these ids that are users, with one question for all.

    Raises:
        StoreUnavailable: The database did not answer.
    """
    wanted = frozenset(user_ids)
    if not wanted:
        return {}
    with store.reading() as tables:
        return tables.users.names(wanted)
