"""The list of API keys and the page of one: what stands there, for whom, and at which address."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import Engine, event
from werkzeug.test import TestResponse

from flask_jafsec.records import KeyUse
from flask_jafsec.stores.sql.store import SqlStore
from tests.apps import OPERATOR
from tests.console.keys_setting import Console, also, open_console

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{ 7 * 7 }}",
    "' onmouseover='alert(1)",
    "שלום <b>",
    "a" * 254,
)


@pytest.fixture
def console() -> Console:
    return open_console()


def names(page: TestResponse) -> list[str]:
    return re.findall(r'class="keys-name"><a [^>]*><bdi>(.*?)</bdi>', page.text)


def test_each_key_stands_in_the_list_with_what_it_is(console: Console) -> None:
    now = console.state.services.clock.now()
    key = console.mint(
        "ingest", scopes=["a:b", "c:d", "e:f", "g:h"], expires_at=now + timedelta(days=7, hours=1)
    ).key
    with console.state.store.writing() as tables:
        tables.keys.add_uses([KeyUse(key.id, now.replace(minute=0, second=0), 18_420, 0, now)])

    page = console.get("/keys")

    assert page.status_code == 200
    assert names(page) == ["ingest"]
    for said in (key.id[:10], "18,420", "in 7 days", "Expiring", "+2", "itself", "1 key"):
        assert said in page.text
    assert 'href="/security/keys" aria-current="page"' in page.text


def test_without_keys_the_page_says_what_they_are_for(console: Console) -> None:
    page = console.get("/keys")

    assert "No keys yet" in page.text
    assert "flask jafsec keys new" in page.text


def test_a_search_without_match_says_what_to_drop(console: Console) -> None:
    console.mint()

    page = console.get("/keys?q=other&status=active")

    assert "No key matches" in page.text
    assert 'href="/security/keys?q=other"' in page.text
    assert 'href="/security/keys?status=active"' in page.text


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("", ["caller", "expiring", "revoked", "rotating", "wild"]),
        ("?status=active", ["caller", "expiring", "rotating", "wild"]),
        ("?status=expiring", ["expiring"]),
        ("?status=rotating", ["rotating"]),
        ("?status=wildcard", ["wild"]),
        ("?status=ended", ["revoked"]),
        ("?q=WILD", ["wild"]),
        ("?q=agent:", ["wild"]),
        ("?q=ann", ["caller"]),
    ],
)
def test_the_list_is_filtered_and_searched(console: Console, asked: str, found: list[str]) -> None:
    state = console.state
    ann = state.users.find("ann")
    assert ann is not None
    console.mint("caller", owner=ann.id)
    console.mint("wild", scopes=["agent:*"])
    console.mint("expiring", expires_at=state.services.clock.now() + timedelta(days=3))
    old = console.mint("rotating").key
    state.keys.rotate(old.id, by=OPERATOR)
    state.keys.revoke(console.mint("revoked").key.id, by=OPERATOR, why="it was lost")

    page = console.get(f"/keys{asked}")

    assert sorted(set(names(page))) == found


def test_the_figures_are_links_that_filter_and_filter_no_more(console: Console) -> None:
    console.mint(scopes=["agent:*"])

    page = console.get("/keys?status=wildcard")

    figures = re.findall(r'<a class="figure" href="([^"]*)"( aria-current="true")?><b', page.text)
    assert ("/security/keys?status=active", "") in figures
    assert ("/security/keys", ' aria-current="true"') in figures


@pytest.mark.parametrize(
    ("asked", "clean"),
    [
        ("?q=&status=", ""),
        ("?q=&status=active", "?status=active"),
        ("?q=a&sort=&after=", "?q=a"),
    ],
)
def test_empty_parameters_are_taken_out_of_the_address(
    console: Console, asked: str, clean: str
) -> None:
    answer = console.get(f"/keys{asked}")

    assert answer.status_code == 303
    assert answer.headers["Location"] == f"/security/keys{clean}"


def test_a_whole_key_does_not_stay_in_the_address(console: Console) -> None:
    secret = console.mint("found").secret

    answer = console.get("/keys", query_string={"q": secret})

    assert answer.status_code == 303
    (text,) = parse_qs(urlsplit(answer.headers["Location"]).query)["q"]
    assert secret.startswith(text)
    assert len(text) == len("jfk_live_") + 26
    assert names(console.get("/keys", query_string={"q": text})) == ["found"]


@pytest.mark.parametrize(
    "asked",
    [
        "?status=lost",
        "?sort=digest",
        "?after=AAAA",
        "?after=x&before=y",
        "?size=7",
        "?size=99999999999999999999",
        f"?q={'x' * 10_000}",
        "?q=%00",
        "?unknown=1",
    ],
)
def test_wrong_values_are_told_at_their_place_and_the_list_stays(
    console: Console, asked: str
) -> None:
    console.mint()

    page = console.get(f"/keys{asked}")

    assert page.status_code == 200
    is_wrong = asked not in ("?q=%00", "?unknown=1")
    assert ("This part of the address was left out" in page.text) is is_wrong
    assert ("ci" in names(page)) is (asked != "?q=%00")


def test_pages_lead_on_and_back(console: Console) -> None:
    for number in range(30):
        console.mint(f"key {number:02}")

    first = console.get("/keys?sort=name&size=25")
    (older,) = re.findall(r'rel="next" href="([^"]*)"', first.text)
    second = console.get(older.replace("&amp;", "&").removeprefix("/security"))

    assert names(first) == [f"key {number:02}" for number in range(25)]
    assert names(second) == [f"key {number:02}" for number in range(25, 30)]
    (newer,) = re.findall(r'rel="prev" href="([^"]*)"', second.text)
    assert names(console.get(newer.replace("&amp;", "&").removeprefix("/security"))) == names(first)


@pytest.mark.parametrize(
    ("who", "status", "may_create"),
    [("ann", 200, True), ("clerk", 200, True), ("reader", 200, False), ("nobody", 403, False)],
)
def test_who_may_see_and_who_may_create(who: str, status: int, may_create: bool) -> None:
    console = open_console(who)
    key = console.mint().key

    for path in ("/keys", f"/keys/{key.id}"):
        page = console.get(path)
        assert page.status_code == status
        assert ("/revoke" in page.text) is may_create
        assert ("/keys/new" in page.text) is (may_create and path == "/keys")
    assert ("API keys" in console.get("/").text) is (status == 200)


def test_nobody_looks_without_signing_in(console: Console) -> None:
    key = console.mint().key
    stranger = Console(console.place, console.place.client)

    for path in ("", "/new", f"/{key.id}", f"/{key.id}/rotate", f"/{key.id}/revoke"):
        answer = stranger.get(f"/keys{path}")
        assert answer.status_code == 303
        assert answer.headers["Location"].startswith("/security/sign-in")


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_stay_text_on_every_page(console: Console, name: str) -> None:
    key = console.mint(name, owner=name).key
    paths = ("/keys", f"/keys/{key.id}", *(f"/keys/{key.id}/{act}" for act in ACTS))

    for path in (*paths, f"/keys/new?like={key.id}"):
        page = console.get(path)
        assert page.status_code == 200
        assert Elements(page.text).foreign == []
        assert "49" not in re.findall(r"<bdi>(.*?)</bdi>", page.text)


class Elements(HTMLParser):
    """What a page holds that none of our templates has."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.foreign: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        is_ours = values.get("src", "").startswith("/security/static/")  # type: ignore[union-attr]  # never empty
        if tag in ("script", "img") and not is_ours:
            self.foreign.append(tag)
        self.foreign += [name for name, _ in attrs if name.startswith("on") or name == "style"]


ACTS = ("rotate", "revoke", "end", "extend")


@pytest.mark.parametrize("path", ["", "/rotate", "/revoke", "/end", "/extend"])
@pytest.mark.parametrize("key_id", ["0" * 26, "x", "%00", "..%2f"])
def test_an_unknown_key_is_not_found(console: Console, key_id: str, path: str) -> None:
    assert console.get(f"/keys/{key_id}{path}").status_code == 404


def test_the_page_of_a_key_tells_its_facts_its_use_and_its_history(console: Console) -> None:
    state = console.state
    now = state.services.clock.now()
    old = console.mint("billing", networks=["10.0.0.0/8"], rate="60/minute").key
    with state.store.writing() as tables:
        tables.keys.add_uses([KeyUse(old.id, now.replace(minute=0, second=0), 5, 2, now)])
    new = state.keys.rotate(old.id, by=OPERATOR).key

    page = console.get(f"/keys/{old.id}")

    for said in ("10.0.0.0/8", "60/minute", "allowed 5", "refused 2", "Rotated: it got", new.id):
        assert said in page.text
    for act in ("end", "extend", "revoke"):
        assert f"/keys/{old.id}/{act}" in page.text
    assert f"/keys/{old.id}/rotate" not in page.text
    state.keys.revoke(old.id, by=OPERATOR, why="replaced & gone")
    page = console.get(f"/keys/{old.id}")
    assert "replaced &amp; gone" in page.text
    assert "Danger zone" not in page.text


def test_the_history_comes_from_the_log(tmp_path: Path) -> None:
    console = open_console(store=SqlStore(f"sqlite:///{tmp_path}/keys.db"))
    key = console.mint().key
    console.state.keys.rotate(key.id, by=OPERATOR)
    console.state.keys.end_overlap(key.id, by=OPERATOR)
    console.state.services.trail.close()

    history = console.get(f"/keys/{key.id}").text.split('id="history"')[1]

    for said in ("Created", "cli:tests", "Rotated", "Old key ended early"):
        assert said in history
    console.state.services.trail.close()


def test_ten_thousand_keys_cost_as_many_queries_as_ten(tmp_path: Path) -> None:
    console = open_console(store=SqlStore(f"sqlite:///{tmp_path}/keys.db"))
    for number in range(10):
        console.mint(f"first {number}")
    once = queries(console)
    with console.state.store.writing() as tables:
        key = console.only_key("first 0")
        for number in range(2_000):
            tables.keys.add(replace(key, id=f"{number:026}", name=f"many {number}"))

    assert queries(console) == once <= 8
    console.state.services.trail.close()


def queries(console: Console) -> int:
    """Return how many queries about keys, their use and their owners one page takes."""
    asked: list[str] = []

    def note(*said: object) -> None:
        asked.append(str(said[2]))

    console.get("/keys")  # whatever is remembered, is now
    event.listen(Engine, "before_cursor_execute", note)
    try:
        assert console.get("/keys").status_code == 200
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    about = re.compile("FROM jafsec_(api_key|key_use|user)")
    return sum(1 for statement in asked if about.search(statement))


def test_two_people_see_the_same_address_alike(console: Console) -> None:
    console.mint("shared")
    other = also(console.place, "bea")

    assert names(console.get("/keys?q=shared")) == names(other.get("/keys?q=shared")) == ["shared"]
