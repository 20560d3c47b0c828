"""What happens by the calendar: sign-ins, tokens, a heartbeat, an auditor, one short outage."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from flask_jafsec.audit.export_alarms import ExportReport
from flask_jafsec.errors import StoreUnavailable
from flask_jafsec.events import EventType, Outcome, Severity

from .cast import Cast
from .company import CHAT, DAY, PEOPLE, Person
from .pen import Caller, Pen

#: How long an access token lives, in seconds, as the settings have it.
_TOKEN_S = 900


class Routine:
    """Writes the calendar of the days from *first* to *end*."""

    def __init__(self, pen: Pen, cast: Cast, first: datetime, end: datetime) -> None:
        self._pen = pen
        self._cast = cast
        self._first = first
        self._end = end

    def write(self) -> None:
        """Write all of it."""
        for day in self._days():
            self._sign_ins(day)
            self._heartbeats(day)
        self._audits()
        self._outage(self._end - timedelta(days=4, hours=9, minutes=17))
        self._collector(self._end - timedelta(days=2, hours=6, minutes=40))
        self._token_thief(self._end - timedelta(days=6, hours=20))

    def _days(self) -> Iterator[datetime]:
        day = self._first.replace(hour=0, minute=0, second=0, microsecond=0)
        while day < self._end:
            yield day
            day += DAY

    def _is_in(self, at: datetime) -> bool:
        return self._first <= at < self._end

    # -- people --

    def _sign_ins(self, day: datetime) -> None:
        random = self._pen.random
        for person in PEOPLE:
            chance = 0.9 if day.weekday() < 5 else 0.12
            at = day + timedelta(hours=6.5 + random.random() * 4)
            there = person.is_there((self._end - at) / DAY)
            if there and random.random() < chance and self._is_in(at):
                self._sign_in(at, person)

    def _sign_in(self, at: datetime, person: Person) -> None:
        random, pen = self._pen.random, self._pen
        subject = self._cast.people[person.name]
        if random.random() < 0.09:
            self._mistyped(at - timedelta(seconds=11), person)
        pen.note(
            at,
            EventType.SIGN_IN_SUCCEEDED,
            actor=subject,
            subject=subject,
            client=person.address,
        )
        family = pen.new_id(at)
        self._token(at + timedelta(seconds=0.2), EventType.TOKEN_ISSUED, subject, family)
        for _ in range(random.randint(1, 3)):
            at += timedelta(seconds=_TOKEN_S + random.randint(0, 5_000))
            if self._is_in(at):
                self._token(at, EventType.TOKEN_REFRESHED, subject, family)
        if random.random() < 0.35 and self._is_in(at + timedelta(hours=2)):
            out = at + timedelta(hours=2)
            pen.note(out, EventType.SIGN_OUT, actor=subject, subject=subject)

    def _mistyped(self, at: datetime, person: Person) -> None:
        self._pen.note(
            at,
            EventType.SIGN_IN_FAILED,
            severity=Severity.NOTICE,
            outcome=Outcome.FAIL,
            reason="password_wrong",
            client=person.address,
            subject=self._cast.people[person.name],
            facts={"name_ref": f"{self._pen.random.getrandbits(64):016x}"},
        )

    def _token(self, at: datetime, kind: EventType, subject: str, family: str) -> None:
        facts = {
            "family": family,
            "kind": "person",
            "lifetime_s": _TOKEN_S,
            "scopes": None,
            "token_id": self._pen.new_id(at),
        }
        self._pen.note(at, kind, actor=subject, subject=subject, credential="token", facts=facts)

    def _token_thief(self, at: datetime) -> None:
        """Write that a refresh token came twice, so the whole sign-in was ended."""
        if not self._is_in(at):
            return
        subject = self._cast.people["ravi.menon"]
        self._pen.note(
            at,
            EventType.TOKEN_REUSED,
            severity=Severity.NOTICE,
            actor=subject,
            subject=subject,
            credential="token",
            reason="refresh_reused",
        )
        self._pen.note(
            at + timedelta(seconds=0.01),
            EventType.TOKEN_REJECTED,
            severity=Severity.WARNING,
            outcome=Outcome.DENY,
            actor=subject,
            reason="refresh:refresh_reused",
            credential="token",
        )
        changed = at + timedelta(minutes=34)
        self._pen.note(
            changed,
            EventType.USER_PASSWORD_CHANGED,
            actor=subject,
            subject=subject,
            facts={"by": "owner"},
        )

    # -- the system --

    def _heartbeats(self, day: datetime) -> None:
        for hour in range(24):
            at = day + timedelta(hours=hour, minutes=12, seconds=self._pen.random.random())
            if self._is_in(at):
                self._pen.system(at, EventType.AUDIT_HEARTBEAT)

    def _audits(self) -> None:
        at = self._end - timedelta(hours=22, minutes=8)
        while self._is_in(at):
            self._look(at, EventType.AUDIT_VERIFIED, "cli:henrik", rows=0, error="OK", first_leaf=0)
            exported = at + timedelta(minutes=7)
            self._look(exported, EventType.AUDIT_EXPORTED, "cli:henrik", rows=0, first_leaf=0)
            opened = at + timedelta(minutes=16)
            self._look(opened, EventType.AUDIT_PERSONAL_OPENED, "cli:henrik", leaf_index=0)
            at -= timedelta(days=7)

    def _look(self, at: datetime, kind: EventType, actor: str, **facts: object) -> None:
        if self._is_in(at):
            self._pen.note(at, kind, actor=actor, facts=facts)

    def _outage(self, at: datetime) -> None:
        """Write forty seconds in which the database did not answer, and nobody was let in."""
        if not self._is_in(at):
            return
        system, code = self._pen.system, StoreUnavailable.code
        system(at, EventType.STORE_DOWN, Severity.ERROR, Outcome.FAIL, reason=code)
        for number in range(9):
            person = PEOPLE[5 + number]
            caller = Caller(person.address, person.browser, credential="token")
            tried = at + timedelta(seconds=2 + number * 4.1)
            self._pen.refuse(tried, caller, CHAT, "security_unavailable", code)
        system(at + timedelta(seconds=41), EventType.STORE_UP, Severity.NOTICE)

    def _collector(self, at: datetime) -> None:
        """Write that a collector of the log was out of reach for a while."""
        reports = (
            (0, ExportReport(code="export_lag", sink="siem", events=412, seconds=301)),
            (18, ExportReport(code="export_recovered", sink="siem")),
        )
        for minutes, report in reports:
            told = at + timedelta(minutes=minutes)
            if self._is_in(told):
                event = report.event(told)
                self._pen.events.append(replace(event, id=self._pen.new_id(told)))
