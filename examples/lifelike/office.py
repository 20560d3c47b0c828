"""Makes users, roles and API keys through the services, each at its own time in the past."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

from flask_jafsec.events import Event
from flask_jafsec.identity.access import Access
from flask_jafsec.identity.api_keys import ApiKeys
from flask_jafsec.identity.passwords import Passwords
from flask_jafsec.identity.permissions import Actor
from flask_jafsec.identity.roles import Roles
from flask_jafsec.identity.users import Users
from flask_jafsec.limiting.rates import parse_rate
from flask_jafsec.protocols import Store, Tables
from flask_jafsec.testing import FrozenClock
from flask_jafsec.web.assemble import BUILT_IN_ROLES
from flask_jafsec.web.state import State

from .cast import Cast, Held
from .company import AGENTS, GUARD, PEOPLE, ROLES, Person
from .incident import LEAKED, REPLACED_AFTER, REVOKED_AFTER, WHY, began
from .key_plans import PLANS, KeyPlan

T = TypeVar("T")

#: Who set the installation up, before there was anybody to sign in.
FOUNDER = Actor.operator("cli:deploy")


class Diary:
    """Carries changes out and keeps their events, to be written where they belong in time."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.events: list[Event] = []

    def record(self, event: Event) -> None:
        """Keep *event*."""
        self.events.append(event)

    def commit_with(self, event: Event, change: Callable[[Tables], T]) -> T:
        """Run *change* in a transaction and keep *event*."""
        with self._store.writing() as tables:
            result = change(tables)
        self.events.append(event)
        return result


def settle(state: State, end: datetime, passwords: Passwords) -> tuple[Cast, list[Event]]:
    """Make everybody and everything in *state*; return them, and the events of their making.

    Args:
        end: Aware UTC time up to which the story goes.
        passwords: Hashes the passwords of people, which nobody ever learns.
    """
    office = _Office(state, end, passwords)
    office.work()
    return office.cast(), office.diary.events


class _Office:
    """The services on a clock of their own, and what is to be done when."""

    def __init__(self, state: State, end: datetime, passwords: Passwords) -> None:
        self._state = state
        self._end = end
        self.diary = Diary(state.store)
        self._clock = FrozenClock(end - timedelta(days=365))
        roles = {**state.settings.roles, **BUILT_IN_ROLES}
        access = Access(state.store, roles, self._clock)
        self._roles = Roles(state.store, self.diary, self._clock, roles)
        self._users = Users(
            *(state.store, self.diary, passwords, self._clock, state.keyring, self._roles, access)
        )
        self._keys = ApiKeys(
            *(state.store, self.diary, state.keyring, self._clock, access),
            environment=state.settings.environment,
            check_rate=parse_rate,
        )
        self._people: dict[str, str] = {}
        self._made: dict[str, list[tuple[KeyPlan, str]]] = {}
        self._acts: list[tuple[datetime, Callable[[], object]]] = []

    def work(self) -> None:
        """Do everything in the order of time."""
        self._plan_people()
        for plan in PLANS:
            self._plan_key(plan)
        self._plan_incident()
        self._acts.sort(key=lambda act: act[0])
        for at, act in self._acts:
            self._clock.advance((at - self._clock.now()).total_seconds())
            act()

    def cast(self) -> Cast:
        """Return everybody as they stand now."""
        keys: Mapping[str, list[Held]] = {
            name: [Held(plan, self._keys.get(key_id)) for plan, key_id in made]
            for name, made in self._made.items()
        }
        return Cast(self._people, keys, self._state.tokens.keys.signer.kid)

    # -- people --

    def _plan_people(self) -> None:
        for number, (name, permissions) in enumerate(ROLES.items()):
            self._at(211.9 - number / 100, partial(self._define, name, permissions))
        for person in PEOPLE:
            self._at(person.joined, partial(self._join, person))
            if person.left is not None:
                self._at(person.left, partial(self._leave, person))
        for agent in AGENTS:
            self._at(190, partial(self._promote, agent.subject, agent.role))
        self._at(17.2, partial(self._promote, "sofia.marques", "admin"))
        self._at(3.3, partial(self._demote, "sofia.marques", "admin"))
        self._at(5.1, partial(self._promote, "ravi.menon", "dispatcher"))
        self._at(0.31, partial(self._promote, "greta.hofmann", "support"))

    def _define(self, name: str, permissions: list[str]) -> None:
        self._roles.define(name, permissions, by=self._by(GUARD))

    def _join(self, person: Person) -> None:
        by = self._by(GUARD) if GUARD in self._people else FOUNDER
        made = self._users.create(person.name, by=by, password=secrets.token_urlsafe(24))
        self._people[person.name] = made.user.id
        self._roles.grant(made.user.id, person.role, by=by)

    def _leave(self, person: Person) -> None:
        self._users.disable(self._people[person.name], by=self._by(GUARD))

    def _promote(self, name: str, role: str) -> None:
        self._roles.grant(self._people.get(name, name), role, by=self._by(GUARD))

    def _demote(self, name: str, role: str) -> None:
        self._roles.withdraw(self._people[name], role, by=self._by(GUARD))

    # -- keys --

    def _plan_key(self, plan: KeyPlan) -> None:
        self._at(plan.made, partial(self._mint, plan))
        if plan.turn is not None:
            self._at(plan.turn.ago, partial(self._rotate, plan))
        if plan.end is not None:
            self._at(plan.end.ago, partial(self._revoke, plan))

    def _mint(self, plan: KeyPlan) -> None:
        lasts = None if plan.lasts is None else timedelta(days=plan.lasts)
        minted = self._keys.mint(
            plan.name,
            scopes=plan.scopes,
            by=self._by(plan.by),
            owner=self._people.get(plan.owner, plan.owner),
            environment=plan.environment,
            expires_at=None if lasts is None else self._clock.now() + lasts,
            networks=plan.networks,
            rate=plan.rate,
        )
        self._made.setdefault(plan.name, []).append((plan, minted.key.id))

    def _rotate(self, plan: KeyPlan) -> None:
        if plan.turn is None:
            return
        minted = self._keys.rotate(
            self._made[plan.name][-1][1], by=self._by(plan.by), overlap=plan.turn.overlap
        )
        self._made[plan.name].append((plan, minted.key.id))

    def _revoke(self, plan: KeyPlan) -> None:
        if plan.end is not None:
            key_id = self._made[plan.name][-1][1]
            self._keys.revoke(key_id, by=self._by(plan.end.by), why=plan.end.why)

    def _plan_incident(self) -> None:
        first = began(self._end)
        plan = next(plan for plan in PLANS if plan.name == LEAKED)
        self._acts += [
            (first + REVOKED_AFTER, self._revoke_leaked),
            (first + REPLACED_AFTER, partial(self._mint, plan)),
        ]

    def _revoke_leaked(self) -> None:
        self._keys.revoke(self._made[LEAKED][0][1], by=self._by(GUARD), why=WHY)

    # -- how --

    def _at(self, days_ago: float, act: Callable[[], object]) -> None:
        self._acts.append((self._end - timedelta(days=days_ago), act))

    def _by(self, name: str) -> Actor:
        return Actor.operator(self._people.get(name, name))
