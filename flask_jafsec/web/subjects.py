"""Whom a name means: a built-in user, or a subject of the host's."""

from __future__ import annotations

from flask_jafsec.errors import InvalidValue, NotFound
from flask_jafsec.records import User
from flask_jafsec.web.state import State


def find_user(state: State, who: str) -> User:
    """Return the user with this name or id. Raises NotFound."""
    try:
        found = state.users.find(who)
    except InvalidValue:
        found = None  # nobody can be called so
    return found if found is not None else state.users.get(who)


def subject_of(state: State, who: str) -> str:
    """Return the id of the built-in user called *who*; else *who*, a subject of the host's."""
    try:
        return find_user(state, who).id
    except NotFound:
        return who
