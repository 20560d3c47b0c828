"""The browser tests open every page there is: one that nobody added to their table fails here."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask

from tests.console.browser.pages import NO_PAGES, PAGES, STATES, Page
from tests.console.browser.site import make_app

ALL = (*PAGES, *STATES)


@pytest.fixture
def app(tmp_path: Path) -> Flask:
    return make_app(tmp_path)


def endpoints(app: Flask) -> set[str]:
    """Return the endpoints of the console that answer GET."""
    return {
        rule.endpoint
        for rule in app.url_map.iter_rules()
        if rule.endpoint.startswith("jafsec.") and "GET" in (rule.methods or ())
    }


def test_every_page_of_the_console_is_opened_by_the_browser_tests(app: Flask) -> None:
    forgotten = endpoints(app) - {page.endpoint for page in PAGES} - set(NO_PAGES)

    assert forgotten == set(), "add a line for it to tests/console/browser/pages.py"


def test_the_table_names_no_page_that_is_gone(app: Flask) -> None:
    assert {page.endpoint for page in PAGES} | set(NO_PAGES) <= endpoints(app)


@pytest.mark.parametrize("page", ALL, ids=[page.name for page in ALL])
def test_a_path_of_the_table_belongs_to_its_endpoint(app: Flask, page: Page) -> None:
    path = "/security" + page.path.partition("?")[0]
    endpoint, _ = app.url_map.bind("localhost").match(path, method="GET")

    assert endpoint == page.endpoint


def test_every_line_of_the_table_has_a_name_of_its_own() -> None:
    names = [page.name for page in ALL]

    assert len(set(names)) == len(names)
