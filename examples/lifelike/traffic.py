"""Requests of ordinary days: people who chat, agents that work for them, services, strangers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from flask_jafsec.identity.permissions import covers

from . import rhythm
from .cast import Cast, Held
from .company import ADMIN_ROUTES, CHAT, CONSOLE_ROUTES, DAY, PEOPLE, ROUTES, STREAM, Person, Route
from .key_plans import AGENT_KEYS, OTHERS, SERVICES, KeyPlan
from .pen import Caller, Pen
from .strangers import Strangers

#: Of a hundred things that begin, how many are begun by whom.
SHARES = {"people": 38, "agents": 23, "services": 34, "strangers": 5}

#: About how many events one of them brings about.
EVENTS_EACH = 1.2

_RHYTHMS = {
    "people": rhythm.PEOPLE,
    "agents": rhythm.AGENTS,
    "services": rhythm.SERVICES,
    "strangers": rhythm.SERVICES,
}

#: What people call beside the chat, by what their roles allow.
_PEOPLE_ROUTES = tuple(route for route in ROUTES if route not in (CHAT, STREAM))


class Traffic:
    """Writes about as many events as it is told."""

    def __init__(
        self, pen: Pen, cast: Cast, end: datetime, allowed: Callable[[str], frozenset[str]]
    ) -> None:
        self._pen = pen
        self._cast = cast
        self._end = end
        self._allowed = allowed
        self._strangers = Strangers(pen, cast)
        self._callers = [plan for plan in (*SERVICES, *OTHERS) if plan.busy]
        self._weights = [plan.busy for plan in self._callers]
        self._agent_weights = [plan.busy for plan in AGENT_KEYS]

    def write(self, number: int, first: datetime, last: datetime) -> None:
        """Write *number* events or a few more, from *first* on; what begins before *last*."""
        wanted = len(self._pen.events) + number
        while len(self._pen.events) < wanted:
            self._write_about(wanted - len(self._pen.events), first, last)

    def _write_about(self, number: int, first: datetime, last: datetime) -> None:
        begin = {
            "people": self._somebody,
            "agents": self._agent,
            "services": self._service,
            "strangers": self._strangers.one,
        }
        all_moments = [
            (at, who)
            for who, share in SHARES.items()
            for at in _RHYTHMS[who].moments(
                self._pen.random, int(number / EVENTS_EACH * share / 100) + 1, first, last
            )
        ]
        for at, who in sorted(all_moments):
            begin[who](at)

    # -- people --

    def _somebody(self, at: datetime) -> None:
        random = self._pen.random
        person = PEOPLE[int(random.random() ** 1.4 * len(PEOPLE))]
        if not person.is_there((self._end - at) / DAY):
            return
        if covers(self._allowed(person.role), "jafsec:audit:read"):
            self._look_into_console(at, person)
            return
        subject = self._cast.people[person.name]
        caller = Caller(
            person.address,
            person.browser,
            actor=subject,
            credential="token",
            key_id=self._cast.token_kid,
        )
        chance = random.random()
        if chance < 0.045:
            self._token_ended(at, caller)
        elif chance < 0.06:
            self._too_fast(at, caller)
        elif chance < 0.60:
            self._chat(at, caller, person)
        else:
            self._call(at, caller, random.choice(_PEOPLE_ROUTES), self._allowed(person.role))

    def _look_into_console(self, at: datetime, person: Person) -> None:
        caller = Caller(
            person.address,
            person.browser,
            actor=self._cast.people[person.name],
            credential="session",
        )
        self._pen.allow(at, caller, self._pen.random.choice(CONSOLE_ROUTES))

    def _chat(self, at: datetime, caller: Caller, person: Person) -> None:
        random, pen = self._pen.random, self._pen
        allowed = self._allowed(person.role)
        route = STREAM if random.random() < 0.3 and covers(allowed, STREAM.permission) else CHAT
        if not covers(allowed, route.permission):
            pen.refuse(at, caller, route, "permission_denied", f"missing:{route.permission}")
            return
        request_id = pen.request_id()
        pen.allow(at, caller, route, request_id=request_id)
        if random.random() < 0.4:
            # The agent that answers calls the company's own routes under the id of the request.
            held = self._working(random.choice(AGENT_KEYS), at)
            if held is not None:
                self._answer(at, held, request_id)

    def _answer(self, at: datetime, held: Held, request_id: str) -> None:
        random = self._pen.random
        for _ in range(random.randint(1, 3)):
            at += timedelta(seconds=0.2 + random.random() * 1.5)
            self._use(at, held, request_id=request_id)

    def _token_ended(self, at: datetime, caller: Caller) -> None:
        ended = Caller(caller.client, caller.software, credential="token", key_id=caller.key_id)
        self._pen.refuse(at, ended, CHAT, "credential_invalid", "token_expired")

    def _too_fast(self, at: datetime, caller: Caller) -> None:
        for number in range(self._pen.random.randint(1, 4)):
            self._pen.refuse(
                at + timedelta(seconds=number * 1.7), caller, CHAT, "rate_exceeded", "chat"
            )

    def _call(
        self,
        at: datetime,
        caller: Caller,
        route: Route,
        allowed: frozenset[str],
        *,
        request_id: str = "",
    ) -> None:
        random = self._pen.random
        if covers(allowed, route.permission):
            status = 200 if random.random() < 0.97 else random.choice((404, 404, 409, 422))
            self._pen.allow(at, caller, route, status=status, request_id=request_id)
        elif random.random() < 0.22:  # most people know what is not theirs
            reason = f"missing:{route.permission}"
            self._pen.refuse(at, caller, route, "permission_denied", reason, request_id=request_id)
        elif covers(allowed, CHAT.permission):
            self._pen.allow(at, caller, CHAT, request_id=request_id)

    # -- keys --

    def _agent(self, at: datetime) -> None:
        (plan,) = self._pen.random.choices(AGENT_KEYS, self._agent_weights)
        held = self._working(plan, at)
        if held is not None:
            self._use(at, held)

    def _service(self, at: datetime) -> None:
        random, pen = self._pen.random, self._pen
        (plan,) = random.choices(self._callers, self._weights)
        held = self._working(plan, at)
        if held is None:
            self._use_ended(at, plan)
        elif random.random() < 0.0025:
            elsewhere = Caller("192.0.2.200", plan.client, credential="key", key_id=held.key.id)
            reason = "key_network" if plan.networks == ("198.51.100.0/24",) else "key_wrong_secret"
            pen.refuse(at, elsewhere, ROUTES[2], "credential_invalid", reason)
        else:
            self._use(at, held)
            if random.random() < 0.3:
                self._use_more(at, held)

    def _use(self, at: datetime, held: Held, *, request_id: str = "") -> None:
        random = self._pen.random
        caller = Caller.with_key(held)
        request_id = request_id or self._pen.request_id()
        if random.random() < 0.025:
            door = random.choice(ADMIN_ROUTES)
            if not covers(held.key.scopes, door.permission):
                reason = f"missing:{door.permission}"
                self._pen.refuse(
                    at, caller, door, "permission_denied", reason, request_id=request_id
                )
                return
        route = random.choice(_routes_of(held.plan))
        if random.random() < 0.0015:
            self._pen.allow(at, caller, route, status=500, request_id=request_id)
            return
        self._call(at, caller, route, held.key.scopes, request_id=request_id)

    def _use_more(self, at: datetime, held: Held) -> None:
        """Write the count of what came in the rest of the minute."""
        random = self._pen.random
        at += timedelta(seconds=1 + random.random() * 5)
        lasts_s = min(59.5 - at.second, 20 + random.random() * 30)
        if lasts_s > 1:
            route = _routes_of(held.plan)[0]
            count = random.randint(2, 40)
            self._pen.allow(
                at, Caller.with_key(held), route, count=count, lasts_s=round(lasts_s, 3)
            )

    def _use_ended(self, at: datetime, plan: KeyPlan) -> None:
        ended = [held for held in self._cast.keys[plan.name] if held.key.created_at <= at]
        # Somebody notices in the end; until then a forgotten program goes on.
        if ended and ended[-1].until and at - ended[-1].until < timedelta(days=25):
            held = ended[-1]
            caller = Caller(plan.address, plan.client, credential="key", key_id=held.key.id)
            route = _routes_of(plan)[0]
            self._pen.refuse(at, caller, route, "credential_invalid", held.ended_as)

    def _working(self, plan: KeyPlan, at: datetime) -> Held | None:
        good = [held for held in self._cast.keys[plan.name] if held.works_at(at)]
        return self._pen.random.choice(good) if good else None


def _routes_of(plan: KeyPlan) -> list[Route]:
    scopes = frozenset(plan.scopes)
    return [route for route in ROUTES if covers(scopes, route.permission)] or [CHAT]
