"""The pages of the log: what they show in each state, to whom, and what looking leaves behind."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Engine, event

from flask_jafsec.errors import StoreUnavailable
from flask_jafsec.events import EventType
from flask_jafsec.ids import new_id
from flask_jafsec.web.extension import state_of
from tests.apps import OPERATOR, make_place
from tests.console.log_place import LogPlace, log_place
from tests.console.test_door import BROWSER, CHOSEN

FRAGMENTS = ("/audit/counts", "/audit/newer?leaf=0", "/audit/suggest?q=out")


@pytest.fixture
def place(tmp_path: Path) -> Iterator[LogPlace]:
    with log_place(tmp_path) as opened:
        yield opened


@contextmanager
def statements() -> Iterator[list[str]]:
    """Collect what is asked of any database."""
    seen: list[str] = []

    def note(*asked: object) -> None:
        seen.append(str(asked[2]))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def test_who_may_read_sees_events_as_references(place: LogPlace) -> None:
    place.deny()
    place.settle()

    page = place.get("/audit?q=outcome:deny")

    assert page.status_code == 200
    assert "GET /agents/&lt;int:id&gt;" in page.text
    assert "ada@example.org" not in page.text
    assert "192.0.2.7" not in page.text
    assert "jafsec:personal:read" in page.text
    assert place.kept(EventType.AUDIT_PERSONAL_OPENED) == []


def test_who_may_see_persons_sees_names_once_recorded(place: LogPlace) -> None:
    place.deny()
    place.settle()

    for _ in range(3):
        page = place.get("/audit?q=outcome:deny", "names")

    assert "ada@example.org" in page.text
    assert "192.0.2.7" in page.text
    assert len(place.kept(EventType.AUDIT_PERSONAL_OPENED)) == 1
    place.place.clock.advance(15 * 60 + 1)
    place.get("/audit?q=outcome:deny&range=24h", "names")
    assert len(place.kept(EventType.AUDIT_PERSONAL_OPENED)) == 2


def test_opening_one_event_with_its_names_is_recorded_by_itself(place: LogPlace) -> None:
    one, other = place.deny(), place.deny()
    place.settle()

    for event_id in (one, one, other):
        assert "ada@example.org" in place.get(f"/audit/{event_id}", "names").text

    assert len(place.kept(EventType.AUDIT_PERSONAL_OPENED)) == 2


def test_without_the_permission_an_event_keeps_its_names(place: LogPlace) -> None:
    event_id = place.deny()
    place.settle()

    for is_fragment in (True, False):
        page = place.get(f"/audit/{event_id}", fragment=is_fragment)

        assert page.status_code == 200
        assert "ada@example.org" not in page.text
        assert "192.0.2.7" not in page.text


def test_an_event_says_why_and_how_well_it_is_proven(place: LogPlace) -> None:
    event_id = place.deny()
    place.settle()

    page = place.get(f"/audit/{event_id}")

    assert "the caller lacks a permission that the route declares" in page.text
    assert place.log.opener.find(event_id).digest[:12] in page.text
    assert "Under a checkpoint" in page.text
    assert ">Verified<" not in page.text


@pytest.mark.parametrize("event_id", ["0" * 26, "x", "evt_1", "%00", "a" * 3_000, "<b>"])
def test_an_event_that_is_not_there_is_not_found(place: LogPlace, event_id: str) -> None:
    page = place.get(f"/audit/{event_id}")

    assert page.status_code == 404
    assert "nothing that you may see" in page.text


@pytest.mark.parametrize("path", ["/audit", "/audit/integrity", *FRAGMENTS])
def test_without_the_permission_no_page_and_no_part_is_shown(place: LogPlace, path: str) -> None:
    place.deny()
    place.settle()

    assert place.get(path, "nothing").status_code == 403
    assert place.get(path, "nothing", fragment=True).status_code == 403
    answer = place.place.client.get(f"/security{path}", headers=BROWSER)
    assert answer.status_code in (303, 401)
    token = place.place.bearer("robot", "reader")
    assert place.place.client.get(f"/security{path}", headers=token).status_code == 403


@pytest.mark.parametrize("path", ["/audit", "/audit/integrity", *FRAGMENTS])
def test_nothing_of_the_log_is_kept_by_a_browser(place: LogPlace, path: str) -> None:
    answer = place.get(path, fragment="?" in path or "counts" in path)

    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert "X-Jafsec-Fragment" in answer.headers["Vary"]


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("q=outcom:deny", "outcome"),
        ("q=outcome:denied", "deny"),
        ("q=ip:10.0.0.0/8", "networks"),
        ("q=" + "x" * 10_000, "2,000"),
        ("q=%22open", "quote"),
        ("from=yesterday", "no range"),
        ("from=2026-01-02&to=2026-01-01", "no range"),
        ("from=9999-12-31&to=9999-12-31T23:59:59", "range"),
        ("after=x", "not one of this list"),
        ("after=" + "A" * 64, "not one of this list"),
        ("before=" + "%00" * 64, "not one of this list"),
    ],
)
def test_what_cannot_be_understood_is_said_on_a_page_that_works(
    place: LogPlace, query: str, says: str
) -> None:
    place.deny()
    place.settle()

    page = place.get(f"/audit?{query}")

    assert page.status_code == 200
    assert says in page.text


@pytest.mark.parametrize(
    "query", ["size=7", "size=x", "range=9y", "view=none", "unknown=1", "leaf=-1", "counts=1"]
)
def test_other_values_are_as_if_they_were_not_there(place: LogPlace, query: str) -> None:
    place.deny()
    place.settle()

    page = place.get(f"/audit?{query}")

    assert page.status_code == 200
    assert "Permission denied" in page.text


def test_empty_parameters_leave_the_address(place: LogPlace) -> None:
    answer = place.get("/audit?q=&range=7d")

    assert answer.status_code == 303
    assert answer.headers["Location"].endswith("/security/audit?range=7d")


def test_where_nothing_matches_the_filter_to_drop_is_named(place: LogPlace) -> None:
    for _ in range(4):
        place.deny()
    place.settle()

    page = place.get("/audit?q=outcome:deny+type:role.removed")

    assert "Without type:role.removed there are 4" in re.sub(r"</?bdi>", "", page.text)


def test_pages_lead_there_and_back_and_lose_nothing(place: LogPlace) -> None:
    ids = [place.deny() for _ in range(60)][::-1]
    place.settle()

    first = place.get("/audit?q=outcome:deny&size=25")
    older = re.search(r'rel="next" href="/security([^"]+)"', first.text)
    assert older is not None
    second = place.get(older[1].replace("&amp;", "&"))
    newer = re.search(r'rel="prev" href="/security([^"]+)"', second.text)
    assert newer is not None
    back = place.get(newer[1].replace("&amp;", "&"))

    def listed(text: str) -> list[str]:
        return re.findall(r'/audit/(\w{26})"', text)

    assert listed(first.text) == ids[:25]
    assert listed(second.text) == ids[25:50]
    assert listed(back.text) == ids[:25]


def test_newer_rows_come_from_behind_a_leaf(place: LogPlace) -> None:
    place.deny()
    place.settle()
    newest = place.log.search.newest_leaf()
    place.record(EventType.KEY_MINTED)
    event_id = place.deny()
    place.settle()

    part = place.get(f"/audit/newer?q=outcome:deny&leaf={newest}", fragment=True)

    assert re.findall(r"/audit/(\w{26})", part.text) == [event_id]
    assert f'data-leaf="{place.log.search.newest_leaf()}"' in part.text


def test_counts_are_exact_or_say_that_they_are_not(place: LogPlace) -> None:
    for _ in range(3):
        place.deny()
    place.settle()

    part = place.get("/audit/counts?q=outcome:deny", fragment=True)

    assert part.headers["X-Jafsec-Fragment"] == "1"
    assert "authz.denied" in part.text
    assert "≈" not in part.text


def test_the_page_asks_the_database_as_often_for_fifty_rows_as_for_one(place: LogPlace) -> None:
    place.deny()
    place.settle()
    asked = {}
    for role in ("reader", "names"):
        place.get("/audit?q=outcome:deny", role)
        with statements() as few:
            place.get("/audit?q=outcome:deny", role)
        asked[role] = len(few)
    for number in range(49):
        place.deny(actor=new_id() if number % 2 else f"p{number}@example.org", client="192.0.2.9")
    place.settle()

    for role, before in asked.items():
        with statements() as many:
            place.get("/audit?q=outcome:deny", role)
        assert len(many) <= before + 1, "names of users are one question, asked if there are any"


def test_a_database_that_is_gone_is_said_and_a_part_can_be_tried_again(
    place: LogPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.deny()
    place.settle()
    place.visitor("reader")

    def gone(*_: object) -> None:
        raise StoreUnavailable("host db7.internal refused")

    monkeypatch.setattr(place.log.store, "searching", gone)
    for path in ("/audit", "/audit/counts"):
        answer = place.get(path, fragment=path.endswith("counts"))

        assert answer.status_code == 503
        assert answer.headers["Retry-After"] == "5"
        assert "db7.internal" not in answer.text


def test_a_store_without_a_log_says_so() -> None:
    bare = make_place()
    state = state_of(bare.app)
    user = state.users.create("ann", by=OPERATOR, password=CHOSEN).user
    state.roles.grant(user.id, "jafsec_admin", by=OPERATOR)
    client = bare.client
    client.set_cookie("jafsec_session", state.sessions.open(user).cookie)

    for path in ("/audit", "/audit/export", "/audit/integrity"):
        page = client.get(f"/security{path}", headers=BROWSER)
        assert page.status_code == 200
        assert "log" in page.text
    assert client.get("/security/audit/x", headers=BROWSER).status_code == 404
