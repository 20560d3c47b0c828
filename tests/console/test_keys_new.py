"""A key made in the console: the form, what it refuses, and the one time the secret is shown."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from werkzeug.test import TestResponse

from flask_jafsec.events import EventType
from tests.console.keys_setting import SECRET, Console, also, hidden, open_console

FIELDS: dict[str, Any] = {
    "name": "ingest",
    "owner": "service",
    "expires": "90",
    "scopes": ["chat:basic"],
    "environment": "live",
    "rate_unit": "minute",
}


@pytest.fixture
def console() -> Console:
    return open_console()


def create(console: Console, **changes: Any) -> TestResponse:
    return console.send("/keys/new", **{**FIELDS, **changes})


def secret_of(page: TestResponse) -> str:
    (secret,) = set(SECRET.findall(page.text))
    return str(secret)


def test_a_key_is_made_shown_once_and_works(console: Console) -> None:
    answer = create(console, networks="127.0.0.0/8 10.0.0.0/8", rate="60")

    assert answer.status_code == 200
    secret = secret_of(answer)
    assert console.call(secret) == 200
    key = console.only_key("ingest")
    assert key.scopes == {"chat:basic"}
    assert (key.owner, key.rate) == ("", "60/minute")
    assert key.networks == ("127.0.0.0/8", "10.0.0.0/8")
    assert key.expires_at == console.state.services.clock.now() + timedelta(days=90)
    ann = console.state.users.find("ann")
    assert ann is not None
    assert key.created_by == ann.id
    for said in ("curl http://localhost/chat", "JAFSEC_API_KEY", "only time the key is shown"):
        assert said in answer.text


def test_the_answer_with_the_secret_is_kept_nowhere(console: Console) -> None:
    token = {"Accept-Encoding": "gzip"}
    fields = {**hidden(console.get("/keys/new"), "/keys/new"), **FIELDS}

    answer = console.client.post(
        "/security/keys/new", headers={**token, "Sec-Fetch-Site": "same-origin"}, data=fields
    )

    secret = secret_of(answer)
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Content-Encoding" not in answer.headers
    assert "Location" not in answer.headers
    tail = secret[-40:]
    assert tail not in repr(console.place.events())
    assert tail not in str(answer.headers)
    key_id = console.only_key("ingest").id
    for path in ("/keys", f"/keys/{key_id}", f"/keys/{key_id}/revoke", "/"):
        assert tail not in console.get(path).text


def test_a_form_that_is_sent_twice_makes_one_key_and_shows_it_once(console: Console) -> None:
    fields = {**hidden(console.get("/keys/new"), "/keys/new"), **FIELDS}
    first = console.post("/keys/new", fields)

    again = console.post("/keys/new", fields)

    assert SECRET.search(first.text)
    assert again.status_code == 200
    assert "This key was shown already" in again.text
    assert not SECRET.search(again.text)
    assert console.only_key("ingest").id in again.text
    assert len(console.place.events(EventType.KEY_MINTED)) == 1


@pytest.mark.parametrize("once", ["", "x", "0" * 26, "0" * 58, "é" * 58])
def test_nobody_chooses_the_id_of_a_key(console: Console, once: str) -> None:
    answer = create(console, once=once)

    assert answer.status_code == 400
    assert list(console.state.keys.list()) == []
    assert hidden(answer, "/keys/new")["once"] not in ("", once)


def test_the_one_time_id_of_another_session_is_none(console: Console) -> None:
    other = also(console.place, "bea")
    once = hidden(other.get("/keys/new"), "/keys/new")["once"]

    assert create(console, once=once).status_code == 400
    assert list(console.state.keys.list()) == []


def test_an_expired_form_comes_back_filled_in(console: Console) -> None:
    fields = {**hidden(console.get("/keys/new"), "/keys/new"), **FIELDS, "networks": "10.0.0.0/8"}

    answer = console.post("/keys/new", {**fields, "jafsec_token": "0" * 128})

    assert answer.status_code == 400
    assert "The form had expired" in answer.text
    assert 'value="ingest"' in answer.text
    assert 'value="10.0.0.0/8"' in answer.text
    assert re.search(r'value="chat:basic" checked', answer.text)
    assert list(console.state.keys.list()) == []
    repaired = {**fields, **hidden(answer, "/keys/new")}
    assert SECRET.search(console.post("/keys/new", repaired).text)


def test_a_foreign_page_cannot_make_a_key(console: Console) -> None:
    fields = {**hidden(console.get("/keys/new"), "/keys/new"), **FIELDS}

    answer = console.client.post(
        "/security/keys/new", headers={"Sec-Fetch-Site": "cross-site"}, data=fields
    )

    assert answer.status_code in (303, 400, 403)
    assert list(console.state.keys.list()) == []


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("name", {"name": ""}),
        ("name", {"name": "two\nlines"}),
        ("name", {"name": "x" * 300}),
        ("name", {"name": "nul\0"}),
        ("scopes", {"scopes": []}),
        ("scopes", {"scopes": ["invented:scope"]}),
        ("scopes", {"scopes": ["jafsec:keys:write"]}),
        ("scopes", {"scopes": ["*"]}),
        ("owner", {"owner": "somebody"}),
        ("owner_other", {"owner": "other"}),
        ("owner", {"owner": "other", "owner_other": "two\u202elines"}),
        ("expires", {"expires": "7"}),
        ("expires_on", {"expires": "date", "expires_on": ""}),
        ("expires_on", {"expires": "date", "expires_on": "2001-01-01"}),
        ("expires_on", {"expires": "date", "expires_on": "9999-12-31"}),
        ("rate", {"rate": "many"}),
        ("rate", {"rate": "1e9"}),
        ("rate_unit", {"rate": "5", "rate_unit": "year"}),
        ("networks", {"networks": "300.0.0.0/8"}),
        ("networks", {"networks": "10.0.0.1/8"}),
        ("environment", {"environment": "moon"}),
    ],
)
def test_what_is_wrong_is_told_at_its_field_and_the_rest_stays(
    console: Console, field: str, changes: dict[str, Any]
) -> None:
    answer = create(console, **{"networks": "10.1.0.0/16", **changes})

    assert answer.status_code == 400
    assert f'<a href="#{field}">' in answer.text
    assert 'id="problems"' in answer.text
    if "networks" not in changes:
        assert 'value="10.1.0.0/16"' in answer.text
    assert list(console.state.keys.list()) == []


def test_a_date_is_the_last_day_of_the_key(console: Console) -> None:
    create(console, expires="date", expires_on="2999-12-31")

    assert str(console.only_key("ingest").expires_at) == "2999-12-31 23:59:59+00:00"


def test_never_has_a_warning_and_no_end(console: Console) -> None:
    assert "works until somebody revokes it" in console.get("/keys/new").text

    create(console, expires="never")

    assert console.only_key("ingest").expires_at is None


@pytest.mark.parametrize(
    ("owner", "other", "expected"),
    [("me", "", "ann"), ("other", "Bea", "bea"), ("other", "host-user-7", "host-user-7")],
)
def test_the_owner_is_oneself_or_named(
    console: Console, owner: str, other: str, expected: str
) -> None:
    user = console.state.users.find(expected)

    create(console, owner=owner, owner_other=other)

    assert console.only_key("ingest").owner == (user.id if user else expected)


def test_only_permissions_that_routes_ask_for_are_offered(console: Console) -> None:
    page = console.get("/keys/new")

    offered = set(re.findall(r'name="scopes" value="([^"]*)"', page.text))
    assert offered == {"chat:basic", "chat:*", "agent:manage", "agent:*", "*"}
    assert "GET, POST /chat" in page.text or "GET /chat" in page.text


def test_what_one_lacks_is_switched_off_and_refused() -> None:
    console = open_console("clerk")  # holds chat:basic only

    page = console.get("/keys/new")
    assert re.search(r'value="agent:manage" disabled', page.text)
    assert not re.search(r'value="chat:basic" disabled', page.text)
    assert "You do not hold it" in page.text

    answer = create(console, scopes=["chat:basic", "agent:manage"])
    assert answer.status_code == 400
    assert "you do not hold agent:manage" in answer.text
    assert list(console.state.keys.list()) == []


@pytest.mark.parametrize(("who", "status"), [("reader", 403), ("nobody", 403)])
def test_who_may_not_write_makes_nothing(who: str, status: int) -> None:
    console = open_console(who)

    assert console.get("/keys/new").status_code == status
    answer = console.post("/keys/new", {**FIELDS, "once": "0" * 58})
    assert answer.status_code == status
    assert list(console.state.keys.list()) == []


def test_the_script_gets_the_same_form_as_a_part(console: Console) -> None:
    part = console.fragment("/keys/new")

    assert part.headers["X-Jafsec-Fragment"] == "1"
    assert "<html" not in part.text
    assert SECRET.search(console.post("/keys/new", {**hidden_in(part), **FIELDS}).text)


def hidden_in(part: TestResponse) -> dict[str, str]:
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', part.text))


@pytest.mark.parametrize(
    ("networks", "said"),
    [
        ("", "from anywhere"),
        ("127.0.0.0/8", "Includes your address, 127.0.0.1"),
        ("10.0.0.0/8, ::1/128", "Does not include your address"),
        ("nonsense", "must be CIDR networks"),
        ("<b>", "must be CIDR networks"),
    ],
)
def test_networks_are_judged_while_they_are_typed(
    console: Console, networks: str, said: str
) -> None:
    part = console.client.get(
        "/security/keys/networks",
        query_string={"networks": networks},
        headers={"X-Jafsec-Fragment": "1"},
    )

    assert said in part.text
    assert "<b>" not in part.text


def test_a_similar_key_begins_with_what_the_old_one_was(console: Console) -> None:
    old = console.mint("old", networks=["10.0.0.0/8"], rate="7/hour", environment="test").key

    page = console.get(f"/keys/new?like={old.id}").text

    for said in ('value="old"', 'value="10.0.0.0/8"', 'value="7"', 'value="test" checked'):
        assert said in page
    assert re.search(r'value="chat:basic" checked', page)
    assert re.search(r'value="hour" selected', page)


def test_a_key_that_may_call_nothing_plain_has_no_line_to_try(console: Console) -> None:
    answer = create(console, owner="other", owner_other="host-user-7")

    assert "curl" not in answer.text
    assert "no line to try it with" in answer.text


def test_nobody_makes_a_key_with_a_key_or_a_token(console: Console) -> None:
    secret = console.mint(scopes=["jafsec:*"]).secret

    answer = console.place.client.post(
        "/security/keys/new", headers={"X-API-Key": secret}, data=FIELDS
    )

    assert answer.status_code == 403
    assert len(console.state.keys.list()) == 1
