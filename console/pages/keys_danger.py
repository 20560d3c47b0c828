"""What cannot be taken back: rotate, revoke, end the old key. And giving it more time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

from flask import Blueprint, Response

from flask_jafsec.errors import Conflict, GrantExceeded, InvalidValue
from flask_jafsec.identity.key_arguments import moment_of
from flask_jafsec.identity.key_listing import prefix_of
from flask_jafsec.identity.key_rules import (
    check_reason,
    require_may_hold,
    require_overlapping,
    require_rotatable,
)
from flask_jafsec.identity.key_state import is_in_use
from flask_jafsec.pipeline.policy import require_policy
from flask_jafsec.records import ApiKey
from flask_jafsec.web.declarations import attach
from flask_jafsec.web.key_calls import recent_calls

from .. import access, once, step_up
from ..going import to
from ..key_forms import EndForm, ExtendForm, KeyForm, RevokeForm, RotateForm, given
from ..navigation import READ_KEYS, READ_PERSONAL, WRITE_KEYS, may
from ..rendering import Pages, wants_fragment
from .keys_new import show_once, shown_already

CHANGE: Final = require_policy([READ_KEYS, WRITE_KEYS], credentials="session")


def add(blueprint: Blueprint, pages: Pages) -> None:
    """Add the pages to *blueprint*."""
    _add_rotate(blueprint, pages)
    _add_revoke(blueprint, pages)
    _add_end(blueprint, pages)
    _add_extend(blueprint, pages)


def _add_rotate(blueprint: Blueprint, pages: Pages) -> None:
    @blueprint.get("/keys/<key_id>/rotate")
    @attach(CHANGE)
    def keys_rotate(key_id: str) -> Response:
        return _page(pages, "rotate", key_id, RotateForm())

    @blueprint.post("/keys/<key_id>/rotate")
    @attach(CHANGE)
    def keys_rotate_now(key_id: str) -> Response:
        form = RotateForm.sent()
        assert isinstance(form, RotateForm)  # noqa: S101 - narrows the type
        new_id = once.read(f"{form.purpose} {key_id}", form.once.data or "")
        old = access.state().keys.get(key_id)
        if new_id and old.successor == new_id:
            return shown_already(pages, new_id)
        if not _holds(form) or not new_id:
            return _page(pages, "rotate", key_id, form, 400)
        at = given(form.overlap)
        with _Told(form) as told:
            overlap: str | datetime = moment_of("until", given(form.until)) if at == "date" else at
            minted = access.state().keys.rotate(
                key_id, by=access.actor(), overlap=overlap, new_key_id=new_id
            )
            access.state().services.freshness.look_again()
            return show_once(pages, minted, key_id)
        return _page(pages, "rotate", key_id, form, told.status)


def _add_revoke(blueprint: Blueprint, pages: Pages) -> None:
    @blueprint.get("/keys/<key_id>/revoke")
    @attach(CHANGE)
    def keys_revoke(key_id: str) -> Response:
        return _page(pages, "revoke", key_id, RevokeForm())

    @blueprint.post("/keys/<key_id>/revoke")
    @attach(CHANGE)
    def keys_revoke_now(key_id: str) -> Response:
        form = RevokeForm.sent()
        assert isinstance(form, RevokeForm)  # noqa: S101 - narrows the type
        state = access.state()
        key = state.keys.get(key_id)
        if not _holds(form):
            return _page(pages, "revoke", key_id, form, 400)
        if key.revoked_at is not None:
            return _page(pages, "revoke", key_id, form, 409)
        with _Told(form) as told:
            if is_in_use(key, state.services.clock.now()) and given(form.name) != key.name:
                raise InvalidValue("name", "must be typed as it stands above: the key is in use")
            why = check_reason(given(form.why))
            ended = state.keys.revoke(key_id, by=access.actor(), why=why)
            state.services.freshness.look_again()
            if (ended.revoked_by, ended.revoked_why) != (access.actor().name, why):
                return _page(pages, "revoke", key_id, form, 409)
            return to("jafsec.keys_detail", key_id=key_id)
        return _page(pages, "revoke", key_id, form, told.status)


def _add_end(blueprint: Blueprint, pages: Pages) -> None:
    @blueprint.get("/keys/<key_id>/end")
    @attach(CHANGE)
    def keys_end(key_id: str) -> Response:
        return _page(pages, "end", key_id, EndForm())

    @blueprint.post("/keys/<key_id>/end")
    @attach(CHANGE)
    def keys_end_now(key_id: str) -> Response:
        form = EndForm.sent()
        assert isinstance(form, EndForm)  # noqa: S101 - narrows the type
        if not _holds(form):
            return _page(pages, "end", key_id, form, 400)
        with _Told(form) as told:
            seen = moment_of("seen", given(form.seen))
            access.state().keys.end_overlap(key_id, by=access.actor(), seen=seen)
            access.state().services.freshness.look_again()
            return to("jafsec.keys_detail", key_id=key_id)
        return _page(pages, "end", key_id, form, told.status)


def _add_extend(blueprint: Blueprint, pages: Pages) -> None:
    @blueprint.get("/keys/<key_id>/extend")
    @attach(CHANGE)
    def keys_extend(key_id: str) -> Response:
        return _page(pages, "extend", key_id, ExtendForm())

    @blueprint.post("/keys/<key_id>/extend")
    @attach(CHANGE)
    def keys_extend_now(key_id: str) -> Response:
        form = ExtendForm.sent()
        assert isinstance(form, ExtendForm)  # noqa: S101 - narrows the type
        if not form.validate():
            return _page(pages, "extend", key_id, form, 400)
        with _Told(form) as told:
            seen = moment_of("seen", given(form.seen))
            until = moment_of("until", given(form.until))
            access.state().keys.extend_overlap(key_id, until, by=access.actor(), seen=seen)
            return to("jafsec.keys_detail", key_id=key_id)
        return _page(pages, "extend", key_id, form, told.status)


class _Told:
    """Turns what a service refuses into words on the form; ``status`` is what to answer then."""

    def __init__(self, form: KeyForm) -> None:
        self._form = form
        self.status = 400

    def __enter__(self) -> _Told:
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> bool:
        if isinstance(error, InvalidValue):
            self._form.refuse(error)
        elif isinstance(error, Conflict):
            self.status = 409
            self._form.complain("", str(error))
        elif isinstance(error, GrantExceeded):
            self.status = 403
            lacking = ", ".join(error.missing)
            self._form.complain("", f"you do not hold {lacking}, so you cannot give it away")
        return isinstance(error, (InvalidValue, Conflict, GrantExceeded))


def _holds(form: KeyForm) -> bool:
    """Return whether the form is ours and whoever sent it has just proved who they are."""
    if not form.validate():
        return False
    problem = step_up.prove()
    if problem is not None:
        form.complain("", problem)
    return problem is None


def _page(pages: Pages, act: str, key_id: str, form: KeyForm, status: int = 200) -> Response:
    """Return the page that asks once more, with the key as it is now."""
    state = access.state()
    key = state.keys.get(key_id)
    now = state.services.clock.now()
    _prepare(form, key)
    values = {
        "form": form,
        "key": key,
        "row": state.key_lists.row(key),
        "calls": recent_calls(state, key, access.actor(), open_addresses=may(READ_PERSONAL)),
        "obstacle": _obstacle(act, key, now),
        "must_name": is_in_use(key, now),
        "prefix_of": prefix_of,
        "act": act,
        "level": "h2" if wants_fragment() else "h1",
    }
    if wants_fragment():
        return pages.fragment(f"keys/_{act}_form.html", values, status)
    return pages.show("keys/act.html", values, status)


def _prepare(form: KeyForm, key: ApiKey) -> None:
    """Fill in what the form carries hidden: what was seen, and an id for the new key."""
    if isinstance(form, RotateForm):
        purpose = f"{form.purpose} {key.id}"
        if not once.read(purpose, form.once.data or ""):
            form.once.data = once.make(purpose)
    if isinstance(form, (EndForm, ExtendForm)):
        form.seen.data = key.ends_at.isoformat() if key.ends_at else ""


def _obstacle(act: str, key: ApiKey, now: datetime) -> str:
    """Return why the act cannot be done to the key as it is now; nothing where it can."""
    try:
        _RULES[act](key, now)
    except Conflict as error:
        return str(error)
    except GrantExceeded as error:
        return f"it may do what you may not: {', '.join(error.missing)}"
    return ""


def _can_rotate(key: ApiKey, now: datetime) -> None:
    require_rotatable(key, now)
    require_may_hold(access.actor(), key)


def _can_revoke(key: ApiKey, _now: datetime) -> None:
    if key.revoked_at is not None:
        raise Conflict("the key is revoked already")


def _can_move_end(key: ApiKey, now: datetime) -> None:
    require_overlapping(key, now, None)


_RULES: Final[Mapping[str, Callable[[ApiKey, datetime], None]]] = {
    "end": _can_move_end,
    "extend": _can_move_end,
    "revoke": _can_revoke,
    "rotate": _can_rotate,
}
