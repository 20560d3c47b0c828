"""Rotate, revoke, end the old key, extend it: asked once more, done once, told to who was late."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from flask_jafsec.events import EventType
from flask_jafsec.records import KeyUse
from flask_jafsec.stores.sql.store import SqlStore
from tests.apps import OPERATOR
from tests.console.keys_setting import SECRET, Console, also, hidden, open_console

WHY = "found in a repository"
DAY = timedelta(days=1)


@pytest.fixture
def console() -> Console:
    return open_console()


def used(console: Console, key_id: str, ago: timedelta = timedelta(0)) -> None:
    at = console.state.services.clock.now() - ago
    hour = at.replace(minute=0, second=0, microsecond=0)
    with console.state.store.writing() as tables:
        tables.keys.add_uses([KeyUse(key_id, hour, 3, 1, at)])


# -- revoke --


def test_a_revoked_key_is_refused_on_the_next_call(console: Console) -> None:
    minted = console.mint()
    path = f"/keys/{minted.key.id}/revoke"
    assert console.call(minted.secret) == 200

    answer = console.send(path, why=WHY)

    assert answer.status_code == 303
    assert answer.headers["Location"] == f"/security/keys/{minted.key.id}"
    assert console.call(minted.secret) == 401
    key = console.state.keys.get(minted.key.id)
    ann = console.state.users.find("ann")
    assert ann is not None
    assert (key.revoked_by, key.revoked_why) == (ann.id, WHY)
    (event,) = console.place.events(EventType.KEY_REVOKED)
    assert (event.actor, event.key_id, event.facts["why"]) == (ann.id, key.id, WHY)


@pytest.mark.parametrize(
    ("ago", "name", "is_done"),
    [
        (timedelta(days=6), "", False),
        (timedelta(days=6), "CI", False),
        (timedelta(days=6), "ci", True),
        (timedelta(days=7), "", True),
        (None, "", True),
    ],
)
def test_the_name_of_a_key_in_use_must_be_typed(
    console: Console, ago: timedelta | None, name: str, is_done: bool
) -> None:
    key = console.mint().key
    if ago is not None:
        used(console, key.id, ago)

    answer = console.send(f"/keys/{key.id}/revoke", why=WHY, name=name)

    assert answer.status_code == (303 if is_done else 400)
    assert (console.state.keys.get(key.id).revoked_at is not None) is is_done
    if not is_done:
        assert '<a href="#name">' in answer.text
        assert f'value="{WHY}"' in answer.text


@pytest.mark.parametrize("why", ["", "short", "x" * 501, "two\nlines of reason", "nul\0 in reason"])
def test_a_reason_is_asked_for(console: Console, why: str) -> None:
    key = console.mint().key

    answer = console.send(f"/keys/{key.id}/revoke", why=why)

    assert answer.status_code == 400
    assert '<a href="#why">' in answer.text
    assert console.state.keys.get(key.id).revoked_at is None


def test_the_page_says_what_happens_and_how_often_it_is_called(console: Console) -> None:
    key = console.mint().key
    used(console, key.id)

    page = console.get(f"/keys/{key.id}/revoke").text

    assert "stops working on the next request; in other processes within 5 seconds" in page
    assert "4 calls since" in page


def test_who_revokes_second_sees_what_the_first_wrote(console: Console) -> None:
    key = console.mint().key
    path = f"/keys/{key.id}/revoke"
    other = also(console.place, "bea")
    fields = {**hidden(console.get(path), path), "why": "my own good reason"}
    assert other.send(path, why=WHY).status_code == 303

    answer = console.post(path, fields)

    assert answer.status_code == 409
    assert WHY in answer.text
    assert "my own good reason" in answer.text
    assert console.state.keys.get(key.id).revoked_why == WHY
    assert len(console.place.events(EventType.KEY_REVOKED)) == 1


# -- rotate --


def test_a_rotated_key_is_shown_once_and_both_work(console: Console) -> None:
    old = console.mint(rate="60/minute")

    answer = console.send(f"/keys/{old.key.id}/rotate", overlap="24h")

    (secret,) = set(SECRET.findall(answer.text))
    assert answer.headers["Cache-Control"] == "no-store"
    assert secret != old.secret
    assert console.call(secret) == console.call(old.secret) == 200
    key = console.state.keys.get(old.key.id)
    assert key.ends_at == console.state.services.clock.now() + DAY
    assert console.state.keys.get(key.successor).rate == "60/minute"
    assert secret[-40:] not in repr(console.place.events())


@pytest.mark.parametrize(
    ("fields", "lasts"),
    [
        ({"overlap": "none"}, timedelta(0)),
        ({"overlap": "1h"}, timedelta(hours=1)),
        ({"overlap": "7d"}, timedelta(days=7)),
    ],
)
def test_the_old_key_ends_when_it_was_said(
    console: Console, fields: dict[str, Any], lasts: timedelta
) -> None:
    old = console.mint()

    console.send(f"/keys/{old.key.id}/rotate", **fields)

    ends_at = console.state.keys.get(old.key.id).ends_at
    assert ends_at == console.state.services.clock.now() + lasts
    assert console.call(old.secret) == (200 if lasts else 401)


def test_the_old_key_ends_at_a_time_of_choice(console: Console) -> None:
    old = console.mint().key

    console.send(f"/keys/{old.id}/rotate", overlap="date", until="2999-01-02T03:04")

    assert str(console.state.keys.get(old.id).ends_at) == "2999-01-02 03:04:00+00:00"


@pytest.mark.parametrize(
    ("field", "fields"),
    [
        ("overlap", {"overlap": "2h"}),
        ("overlap", {"overlap": ""}),
        ("until", {"overlap": "date", "until": ""}),
        ("until", {"overlap": "date", "until": "2001-01-01T00:00"}),
        ("until", {"overlap": "date", "until": "<b>"}),
    ],
)
def test_a_wrong_end_is_told_and_nothing_is_made(
    console: Console, field: str, fields: dict[str, str]
) -> None:
    old = console.mint().key

    answer = console.send(f"/keys/{old.id}/rotate", **fields)

    assert answer.status_code == 400
    assert f'<a href="#{field}">' in answer.text
    assert len(console.state.keys.list()) == 1


def test_rotating_twice_with_one_form_makes_one_key(console: Console) -> None:
    path = f"/keys/{console.mint().key.id}/rotate"
    fields = {**hidden(console.get(path), path), "overlap": "24h"}
    console.post(path, fields)

    again = console.post(path, fields)

    assert "This key was shown already" in again.text
    assert not SECRET.search(again.text)
    assert len(console.state.keys.list()) == 2


def test_who_rotates_second_is_told_of_the_successor(console: Console) -> None:
    key = console.mint().key
    path = f"/keys/{key.id}/rotate"
    fields = {**hidden(console.get(path), path), "overlap": "24h"}
    also(console.place, "bea").send(path, overlap="1h")

    answer = console.post(path, fields)

    assert answer.status_code == 409
    assert "rotated already" in answer.text
    assert console.state.keys.get(key.id).successor in answer.text
    assert not SECRET.search(answer.text)
    assert len(console.state.keys.list()) == 2


def test_nobody_rotates_a_key_that_may_more_than_they() -> None:
    console = open_console("clerk")  # holds chat:basic only
    key = console.mint(scopes=["agent:*"]).key
    path = f"/keys/{key.id}/rotate"
    token = hidden(console.get(f"/keys/{console.mint().key.id}/rotate"), path)

    assert "it may do what you may not" in console.get(path).text
    answer = console.post(path, {**token, "overlap": "24h"})

    assert answer.status_code in (400, 403)
    assert not SECRET.search(answer.text)
    assert console.state.keys.get(key.id).successor == ""


@pytest.mark.parametrize(
    ("end", "says"), [("revoke", "the key is revoked"), ("expire", "the key has expired")]
)
def test_what_has_ended_is_not_rotated_and_the_page_says_why(
    console: Console, end: str, says: str
) -> None:
    state = console.state
    key = console.mint(expires_at=state.services.clock.now() + timedelta(minutes=5)).key
    path = f"/keys/{key.id}/rotate"
    fields = {**hidden(console.get(path), path), "overlap": "24h"}
    if end == "revoke":
        state.keys.revoke(key.id, by=OPERATOR, why=WHY)
    else:
        console.place.clock.advance(301)

    page = console.get(path)
    assert says in page.text
    assert "Create similar" in page.text
    assert "<form" not in page.text.partition("<main")[2]
    assert console.post(path, fields).status_code == 409
    assert len(state.keys.list()) == 1


# -- the end of the old key --


def rotating(console: Console) -> str:
    key_id = console.mint().key.id
    console.state.keys.rotate(key_id, by=OPERATOR)
    return key_id


def test_the_old_key_is_ended_now(console: Console) -> None:
    old = console.mint()
    console.state.keys.rotate(old.key.id, by=OPERATOR)
    assert console.call(old.secret) == 200

    answer = console.send(f"/keys/{old.key.id}/end")

    assert answer.status_code == 303
    assert console.call(old.secret) == 401
    assert len(console.place.events(EventType.KEY_OVERLAP_ENDED)) == 1


def test_the_old_key_gets_more_time(console: Console) -> None:
    key_id = rotating(console)

    answer = console.send(f"/keys/{key_id}/extend", until="2999-01-02T03:04")

    assert answer.status_code == 303
    assert str(console.state.keys.get(key_id).ends_at) == "2999-01-02 03:04:00+00:00"
    assert len(console.place.events(EventType.KEY_OVERLAP_EXTENDED)) == 1


@pytest.mark.parametrize("act", ["end", "extend"])
def test_who_moves_the_end_second_is_told(console: Console, act: str) -> None:
    key_id = rotating(console)
    path = f"/keys/{key_id}/{act}"
    fields = {**hidden(console.get(path), path), "until": "2999-01-01T00:00"}
    also(console.place, "bea").send(f"/keys/{key_id}/extend", until="2998-01-01T00:00")

    answer = console.post(path, fields)

    assert answer.status_code == 409
    assert "Somebody has moved the end of the old key" in answer.text
    assert str(console.state.keys.get(key_id).ends_at) == "2998-01-01 00:00:00+00:00"


@pytest.mark.parametrize("act", ["end", "extend"])
def test_without_an_overlap_there_is_nothing_to_move(console: Console, act: str) -> None:
    key = console.mint().key

    page = console.get(f"/keys/{key.id}/{act}")

    assert "was not rotated" in page.text
    assert "<form" not in page.text.partition("<main")[2]


# -- every act --

FIELDS = {
    "rotate": {"overlap": "24h"},
    "revoke": {"why": WHY},
    "end": {},
    "extend": {"until": "2999-01-01T00:00"},
}


@pytest.mark.parametrize("act", list(FIELDS))
@pytest.mark.parametrize("token", ["", "0" * 128, "of another form", "of another person"])
def test_a_form_that_is_not_ours_does_nothing(console: Console, act: str, token: str) -> None:
    key_id = console.mint().key.id if act == "rotate" else rotating(console)
    path = f"/keys/{key_id}/{act}"
    fields = {**hidden(console.get(path), path), **FIELDS[act]}
    if token == "of another form":
        token = hidden(console.get("/keys/new"), "/keys/new")["jafsec_token"]
    if token == "of another person":
        token = hidden(also(console.place, "bea").get(path), path)["jafsec_token"]
    before = console.state.keys.list()

    answer = console.post(path, {**fields, "jafsec_token": token})

    assert answer.status_code == 400
    assert "The form had expired. Nothing was changed" in answer.text
    assert console.state.keys.list() == before
    for name, value in FIELDS[act].items():
        if name != "overlap":
            assert f'name="{name}"' in answer.text
            assert value in answer.text


@pytest.mark.parametrize("act", list(FIELDS))
@pytest.mark.parametrize("who", ["reader", "nobody"])
def test_who_may_not_write_changes_nothing(act: str, who: str) -> None:
    console = open_console(who)
    key_id = rotating(console)
    before = console.state.keys.list()

    assert console.get(f"/keys/{key_id}/{act}").status_code == 403
    assert console.post(f"/keys/{key_id}/{act}", FIELDS[act]).status_code == 403
    assert console.state.keys.list() == before


@pytest.mark.parametrize("act", list(FIELDS))
def test_the_script_gets_the_same_form_as_a_part(console: Console, act: str) -> None:
    key_id = console.mint().key.id if act == "rotate" else rotating(console)

    part = console.fragment(f"/keys/{key_id}/{act}")

    assert part.headers["X-Jafsec-Fragment"] == "1"
    assert "<html" not in part.text
    assert f'action="/security/keys/{key_id}/{act}"' in part.text
    assert re.search(r'<h2 id="sheet-title"', part.text)


def test_callers_are_named_to_who_may_see_persons(tmp_path: Path) -> None:
    console = open_console(store=SqlStore(f"sqlite:///{tmp_path}/keys.db"))
    minted = console.mint()
    for _ in range(3):
        assert console.call(minted.secret) == 200
    trail = console.state.services.trail
    trail.close()

    page = console.get(f"/keys/{minted.key.id}/revoke").text

    assert "3 calls in the last hour" in page
    assert "<bdi>127.0.0.1</bdi>" in page
    (event,) = console.place.events(EventType.AUDIT_PERSONAL_OPENED)
    assert (event.key_id, event.facts["rows"]) == (minted.key.id, 1)
    clerk = also(console.place, "clerk")
    trail.close()
    page = clerk.get(f"/keys/{minted.key.id}/revoke").text
    assert "3 calls in the last hour" in page
    assert "Address 1 (sealed)" in page
    assert "127.0.0.1" not in page
    assert len(console.place.events(EventType.AUDIT_PERSONAL_OPENED)) == 1
    trail.close()
