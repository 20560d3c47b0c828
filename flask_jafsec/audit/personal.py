"""The part of an event that says who: everything its envelope may not hold."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from flask_jafsec.audit.envelope import (
    MAX_REMEMBERED,
    MAX_TEXT_CHARS,
    OPEN_FACTS,
    has_open_reason,
)
from flask_jafsec.audit.plain import canonical, clean_text, fitting, plain
from flask_jafsec.events import Event

#: Bytes of everything beside who it was, and from where, at most.
MAX_EXTRA_BYTES: Final = 6_000

#: Actors that are nobody in particular.
ANONYMOUS: Final = "anonymous"
NOBODY: Final = frozenset({ANONYMOUS, "system"})


def personal_part(event: Event) -> str:
    """Return the personal part as canonical JSON, everything the envelope may not hold; or "".

    The names stand in sorted order; ``_quoted`` bounds each, so that the whole fits.
    """
    extra = _extra(event) if event.facts or event.reason or event.personal else ""
    user = event.actor if is_somebody(event.actor) else ""
    # The same caller comes again and again; what else there is, is always another.
    return (_part.__wrapped__ if extra else _part)(extra, event.client, event.subject, user)


@lru_cache(MAX_REMEMBERED)
def _part(extra: str, client: str, subject: str, user: str) -> str:
    parts = (
        f'"extra":{extra}' if extra else "",
        f'"ip":{_quoted(client)}' if client else "",
        f'"subject_id":{_quoted(subject)}' if subject else "",
        f'"user_id":{_quoted(user)}' if user else "",
    )
    text = ",".join([part for part in parts if part])
    return f"{{{text}}}" if text else ""


def kind_of(event: Event) -> str:
    """Return what kind of actor it was; see ``rows.ACTOR_NUMBER``."""
    if not is_somebody(event.actor):
        return event.actor or ANONYMOUS
    if event.actor.startswith("cli:"):
        return "cli"
    return "service" if event.credential == "key" and event.actor.startswith("key:") else "person"


def is_somebody(text: str) -> bool:
    """Return whether an actor or subject is one in particular."""
    return bool(text) and text not in NOBODY


def _extra(event: Event) -> str:
    try:
        extra = {name: value for name, value in event.facts.items() if name not in OPEN_FACTS}
        extra.update(event.personal)
    except BaseException:  # noqa: BLE001 - a hostile object must not stop the record of it
        extra = {"error": "facts_unreadable"}
    if event.reason and not has_open_reason(event):
        extra["reason"] = event.reason
    return fitting(plain(extra), MAX_EXTRA_BYTES) if extra else ""


@lru_cache(MAX_REMEMBERED)
def _quoted(text: str) -> str:
    return canonical(clean_text(text, MAX_TEXT_CHARS))
