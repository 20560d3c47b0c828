"""An app on lifelike data, for tests of pages and for pictures: three thousand events, forty keys.

The fixture ``lifelike`` (tests/conftest.py) gives one with a database of its own. The clock stands
still at ``END``, so the last 24 hours are always the same. Ids of users and keys differ from one
run to the next: they are made by the real services; everything else comes from the seed.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from argon2 import PasswordHasher
from chat_agent.app import ROLES
from flask import Flask
from lifelike import SMALL, Filled, Size, fill

from flask_jafsec import JafSecurity
from flask_jafsec.config.secrets import new_root_key
from flask_jafsec.identity.passwords import Passwords
from flask_jafsec.identity.permissions import Actor
from flask_jafsec.testing import CapturedEvents, FrozenClock
from flask_jafsec.web.extension import state_of
from flask_jafsec.web.state import State

#: A Friday afternoon.
END = datetime(2026, 11, 20, 15, 30, tzinfo=UTC)

SEED = 1

#: Nobody signs in with the passwords of the story.
CHEAP = Passwords(hasher=PasswordHasher(1, 8, 1))

#: Whom ``administrator`` makes.
ADMIN, PASSWORD = "admin", "violet engines hum"


@dataclass(frozen=True, slots=True)
class Lifelike:
    """An app, its clock, and what stands in its database."""

    app: Flask
    jafsec: JafSecurity
    clock: FrozenClock
    filled: Filled

    @property
    def state(self) -> State:
        """The services of the app."""
        return state_of(self.app)

    def administrator(self) -> str:
        """Make somebody who may do everything in the console; return their id."""
        operator = Actor.operator("cli:tests")
        made = self.state.users.create(ADMIN, by=operator, password=PASSWORD)
        self.state.roles.grant(made.user.id, "jafsec_admin", by=operator)
        return made.user.id


def make(folder: Path, *, size: Size = SMALL, seed: int = SEED, end: datetime = END) -> Filled:
    """Fill the database in the empty *folder*; return what was told."""
    with app_on(folder, end) as (app, _, _):
        return fill(state_of(app), end, seed=seed, size=size, passwords=CHEAP)


@contextmanager
def opened(kept: Path, folder: Path, filled: Filled) -> Iterator[Lifelike]:
    """Open an app on a copy in *folder* of what ``make`` has left in *kept*."""
    shutil.copytree(kept, folder, dirs_exist_ok=True)
    with app_on(folder, filled.end) as (app, jafsec, clock):
        yield Lifelike(app, jafsec, clock, filled)


@contextmanager
def app_on(folder: Path, now: datetime) -> Iterator[tuple[Flask, JafSecurity, FrozenClock]]:
    """Open an app on the database in *folder*, empty if there is none, at the time *now*."""
    key = folder / "root-key"
    if not key.exists():
        key.write_text(new_root_key("t1"))
    clock = FrozenClock(now)
    app = Flask("lifelike")
    app.config.from_mapping(
        TESTING=True,
        JAFSEC_ROOT_KEYS=key.read_text(),
        JAFSEC_APP_ID="lifelike",
        JAFSEC_DATABASE_URL=f"sqlite:///{folder / 'lifelike.sqlite3'}",
        JAFSEC_ANCHORS=f"file:{folder / 'anchors.log'}",
        JAFSEC_ROLES=ROLES,
    )
    jafsec = JafSecurity(app, clock=clock, sinks=[CapturedEvents()])
    try:
        yield app, jafsec, clock
    finally:
        # Closed for good: the file alone is then the whole database, and can be copied.
        state_of(app).services.trail.close()
        state_of(app).store.close()
