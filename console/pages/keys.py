"""API keys: the list, and one key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from flask import Blueprint, Response, current_app

from flask_jafsec.audit.search_results import Bar
from flask_jafsec.errors import InvalidValue
from flask_jafsec.events import Outcome
from flask_jafsec.identity.key_listing import (
    PAGE_SIZE,
    SORT,
    KeyBar,
    KeyPage,
    prefix_of,
    without_secret,
)
from flask_jafsec.identity.key_state import ended_at
from flask_jafsec.pipeline.policy import require_policy
from flask_jafsec.stored_keys import KeyStatus
from flask_jafsec.web.declarations import attach
from flask_jafsec.web.key_calls import changes

from .. import access
from ..addresses import parameter, tidied, with_changes
from ..drawing import drawing
from ..navigation import READ_AUDIT, READ_KEYS, may
from ..rendering import Pages

#: What the address of the list may say.
PARAMETERS: Final = ("q", "status", "sort", "after", "before", "size")


def add(blueprint: Blueprint, pages: Pages) -> None:
    """Add the pages to *blueprint*."""

    @blueprint.get("/keys")
    @attach(require_policy([READ_KEYS], credentials="session"))
    def keys() -> Response:
        # A whole key that somebody pasted must not stay in the history of the browser.
        elsewhere = tidied(
            PARAMETERS, lambda name, text: without_secret(text) if name == "q" else text
        )
        return elsewhere or pages.show("keys/list.html", list_values())

    @blueprint.get("/keys/<key_id>")
    @attach(require_policy([READ_KEYS], credentials="session"))
    def keys_detail(key_id: str) -> Response:
        return pages.show("keys/detail.html", detail_values(key_id))


def list_values() -> Mapping[str, object]:
    """Return what the list shows; a wrong part of its address is told, and left out."""
    asked = {name: parameter(name) for name in PARAMETERS}
    problems: dict[str, str] = {}
    page = _page(asked, problems)
    kept = {name: asked[name] for name in ("q", "status", "sort", "size")}

    def address(**changes: str) -> str:
        return with_changes("jafsec.keys", kept, **changes)

    return {
        "page": page,
        "problems": problems,
        "query": asked["q"],
        "status": asked["status"] or KeyStatus.LISTED.value,
        "sort": asked["sort"] or SORT,
        "address": address,
        "prefix_of": prefix_of,
        "ended_at": ended_at,
        "shown": None,
    }


def _page(asked: dict[str, str], problems: dict[str, str]) -> KeyPage:
    """Return the page that is asked for, or the nearest there is."""
    while True:
        try:
            return access.state().key_lists.page(
                text=asked["q"],
                status=asked["status"] or KeyStatus.LISTED,
                sort=asked["sort"] or SORT,
                after=asked["after"],
                before=asked["before"],
                size=_number(asked["size"]),
            )
        except InvalidValue as error:
            field = error.field if error.field in asked else "q"
            problems[field] = error.problem
            for name in (field, "after", "before"):
                asked[name] = ""


def _number(text: str) -> int:
    if not text:
        return PAGE_SIZE
    return int(text) if text.isascii() and text.isdigit() and len(text) < 5 else -1


def detail_values(key_id: str) -> Mapping[str, object]:
    """Return what the page of one key shows."""
    state = access.state()
    key = state.keys.get(key_id)
    now = state.services.clock.now()
    has_log = "jafsec.audit" in current_app.view_functions and may(READ_AUDIT)
    return {
        "row": state.key_lists.row(key),
        "chart": drawing([_bar(bar) for bar in state.key_lists.bars(key.id)], now),
        "changes": changes(state, key),
        "log_page": "jafsec.audit" if has_log and state.audit_log else "",
        "prefix_of": prefix_of,
        "ended_at": ended_at,
    }


def _bar(bar: KeyBar) -> Bar:
    amounts = {Outcome.ALLOW: bar.allowed, Outcome.DENY: bar.refused}
    start, end = (int(at.timestamp()) * 1_000_000 for at in (bar.start, bar.end))
    return Bar(start, end, amounts, amounts, is_partial=False)
