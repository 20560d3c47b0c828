"""A user and whether a session of theirs is alive; no tests live here."""

from __future__ import annotations

from collections.abc import Callable

from flask_jafsec.identity.sessions import Sessions
from flask_jafsec.records import User
from tests.identity.rights_setting import GOOD, OPERATOR, House

OTHER = "another good long one"


def new_user(house: House, name: str = "Ann", *roles: str) -> User:
    user = house.users.create(name, by=OPERATOR, password=GOOD).user
    for role in roles:
        house.roles.grant(user.id, role, by=OPERATOR)
    return user


def open_session(house: House, user: User) -> Callable[[], bool]:
    """Open a session; return what tells whether it is still alive."""
    sessions = Sessions(house.store, house.notebook, house.clock, idle_s=600, lifetime_s=600)
    cookie = sessions.open(user).cookie
    return lambda: sessions.find(cookie) is not None
