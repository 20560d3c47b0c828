"""The first page: what happened, why it was denied, to whom, and what waits."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from flask_jafsec.events import EventType, Outcome
from tests.apps import OPERATOR
from tests.console.keys_setting import open_console
from tests.console.log_place import PERSONAL, READ, LogPlace, log_place

VIEW = "jafsec:console:view"


@pytest.fixture
def place(tmp_path: Path) -> Iterator[LogPlace]:
    with log_place(tmp_path) as opened:
        roles = {
            "boss": [VIEW],
            "engineer": [VIEW, READ, "jafsec:keys:read", "jafsec:routes:read"],
            "officer": [VIEW, READ, PERSONAL],
        }
        for name, permissions in roles.items():
            opened.state.roles.define(name, permissions, by=OPERATOR)
        yield opened


def figure(page: str, label: str) -> str:
    """Return the figure that stands above *label*."""
    found = re.search(rf"<b[^>]*>([\d,]+)</b>\s*<span>{label}</span>", page)
    assert found is not None, f"no figure is called {label}"
    return found[1]


def test_figures_count_decisions_not_lines(place: LogPlace) -> None:
    place.deny(count=20, until=place.place.clock.now())
    place.deny()
    place.record(EventType.REQUEST_ALLOWED, outcome=Outcome.ALLOW, count=1_500)
    place.settle()

    page = place.get("/", "engineer").text

    assert figure(page, "Requests denied") == "21"
    assert figure(page, "Requests allowed") == "1,500"
    assert figure(page, "Failed sign-ins") == "0"


def test_every_figure_leads_to_the_events_behind_it(place: LogPlace) -> None:
    place.deny()
    place.settle()

    page = place.get("/?range=7d", "engineer").text

    for query in ("outcome:deny", "outcome:allow", "type:auth.sign_in.failed"):
        assert f"q={query}&amp;range=7d" in page


def test_persons_are_references_unless_the_viewer_may_see_them(place: LogPlace) -> None:
    place.deny()
    place.settle()

    shown = {role: place.get("/", role).text for role in ("engineer", "officer")}

    assert "ada@example.org" not in shown["engineer"]
    assert "ada@example.org" in shown["officer"]
    (looked,) = place.opened(EventType.AUDIT_PERSONAL_OPENED)
    assert looked.personal["extra"]["what"] == "overview"


def test_whoever_may_not_read_the_log_sees_none_of_it(place: LogPlace) -> None:
    place.deny()
    place.settle()

    page = place.get("/", "boss").text

    assert "Requests denied" not in page
    assert "permission" not in page.partition("<main")[2]
    assert "Nothing waits." in page


def test_an_undeclared_route_waits(place: LogPlace) -> None:
    page = place.get("/", "engineer").text

    assert "1 route says nothing about who may call it" in page
    assert "Nothing waits." not in page


@pytest.mark.parametrize("span", ["", "?range=24h", "?range=30d", "?range=nonsense", "?range="])
def test_any_range_is_answered(place: LogPlace, span: str) -> None:
    assert place.get(f"/{span}", "engineer").status_code == 200


def test_a_new_installation_is_told_its_first_steps(place: LogPlace) -> None:
    page = place.get("/", "engineer").text

    assert "First steps" in page
    assert "flask jafsec keys new" in page


def test_without_a_log_the_page_still_opens() -> None:
    page = open_console().get("/")

    assert page.status_code == 200
    assert "Requests denied" not in page.text
