"""A new API key: the form, and the one time its secret is shown."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_network
from typing import Final

from flask import Blueprint, Response, current_app, request

from flask_jafsec.errors import Conflict, GrantExceeded, InvalidValue, UserDisabled
from flask_jafsec.identity.key_arguments import EXPIRIES, expiry_of, listed_networks
from flask_jafsec.identity.key_listing import fingerprint_of, prefix_of
from flask_jafsec.identity.key_matching import is_within
from flask_jafsec.identity.permissions import intersect
from flask_jafsec.pipeline.policy import require_policy
from flask_jafsec.records import ApiKey, MintedKey
from flask_jafsec.web.caller import current_exchange, current_identity
from flask_jafsec.web.declarations import attach
from flask_jafsec.web.key_scopes import ScopeChoice, example_route, read_only, scope_choice
from flask_jafsec.web.subjects import subject_of

from .. import access, headers, once
from ..key_forms import RATE_UNITS, NewKeyForm, given
from ..navigation import READ_KEYS, WRITE_KEYS
from ..rendering import Pages, wants_fragment
from ..texts import visible
from .keys import list_values

#: What the key is called in the environment of whoever calls.
VARIABLE: Final = "JAFSEC_API_KEY"


def add(blueprint: Blueprint, pages: Pages) -> None:
    """Add the pages to *blueprint*."""

    @blueprint.get("/keys/new")
    @attach(require_policy([READ_KEYS, WRITE_KEYS], credentials="session"))
    def keys_new() -> Response:
        form = NewKeyForm(data={"environment": access.state().settings.environment})
        like = request.args.get("like", "")
        if like:
            _fill_like(form, access.state().keys.get(like))
        return _form(pages, form)

    @blueprint.post("/keys/new")
    @attach(require_policy([READ_KEYS, WRITE_KEYS], credentials="session"))
    def keys_create() -> Response:
        form = NewKeyForm(request.form)
        wanted_id = once.read(form.purpose, form.once.data or "")
        if not form.validate() or not wanted_id:
            return _form(pages, form, 400)
        try:
            minted = _mint(form, wanted_id)
        except InvalidValue as error:
            form.refuse(error)
        except GrantExceeded as error:
            _tell_lacking(form, error)
        except Conflict:
            return shown_already(pages, wanted_id)
        else:
            return show_once(pages, minted, "")
        return _form(pages, form, 400)

    @blueprint.get("/keys/networks")
    @attach(require_policy([READ_KEYS, WRITE_KEYS], credentials="session"))
    def keys_networks() -> Response:
        said = _networks_said(request.args.get("networks", ""))
        return pages.fragment("keys/_networks.html", {"said": said})


def show_once(pages: Pages, minted: MintedKey, old_id: str) -> Response:
    """Return the one answer that holds the secret: not packed, not kept, at no address."""
    headers.keep_unpacked()
    key = minted.key
    example = example_route(current_app, _may(key))
    shown = {
        "key": key,
        "secret": minted.secret,
        "fingerprint": fingerprint_of(key),
        "environment": f"{VARIABLE}={minted.secret}\n",
        "example": _command(*example) if example else "",
        "old_id": old_id,
    }
    return pages.show("keys/shown.html", {**list_values(), "shown": shown})


def _command(method: str, path: str) -> str:
    """Return a line for a shell; the secret is not in it, so it stays out of the history."""
    how = "" if method == "GET" else f"-X {method} "
    address = f"{request.url_root.rstrip('/')}{path}"
    return f'curl {how}{visible(address)} \\\n  -H "X-API-Key: ${VARIABLE}"'


def shown_already(pages: Pages, key_id: str) -> Response:
    """Return the answer to a form that was sent a second time."""
    key = access.state().keys.get(key_id)
    return pages.show("keys/shown_already.html", {"key": key, "prefix_of": prefix_of})


def _mint(form: NewKeyForm, key_id: str) -> MintedKey:
    state = access.state()
    choice = scope_choice(current_app, current_identity.permissions)
    now = state.services.clock.now()
    rate = given(form.rate)
    return state.keys.mint(
        given(form.name),
        scopes=choice.chosen(form.scopes.data or []),
        by=access.actor(),
        owner=_owner(form),
        environment=given(form.environment),
        expires_at=expiry_of(given(form.expires), given(form.expires_on), now),
        networks=listed_networks(given(form.networks)),
        rate=f"{rate}/{form.rate_unit.data}" if rate else "",
        key_id=key_id,
    )


def _owner(form: NewKeyForm) -> str:
    if form.owner.data == "service":
        return ""
    if form.owner.data == "me":
        return current_identity.subject
    who = given(form.owner_other)
    if not who:
        raise InvalidValue("owner_other", "must name somebody")
    return subject_of(access.state(), who)


def _may(key: ApiKey) -> frozenset[str]:
    """Return what the key may do now; nothing where its owner may do nothing."""
    if not key.owner:
        return key.scopes
    services = access.state().services
    try:
        held = services.access.permissions_of(key.owner, services.freshness.check())
    except UserDisabled:
        return frozenset()
    return intersect(held, key.scopes)


def _tell_lacking(form: NewKeyForm, error: GrantExceeded) -> None:
    for permission in error.missing:
        field = "owner" if permission == WRITE_KEYS else "scopes"
        form.complain(field, f"you do not hold {permission}, so you cannot give it away")


def _fill_like(form: NewKeyForm, key: ApiKey) -> None:
    form.name.data = key.name
    form.scopes.data = sorted(key.scopes)
    form.networks.data = ", ".join(key.networks)
    form.environment.data = str(key.environment)
    amount, _, unit = key.rate.partition("/")
    if unit in RATE_UNITS:
        form.rate.data, form.rate_unit.data = amount, unit


def _form(pages: Pages, form: NewKeyForm, status: int = 200) -> Response:
    # An id that is not ours, or of another session, is replaced: nothing was made under it.
    if not once.read(form.purpose, form.once.data or ""):
        form.once.data = once.make(form.purpose)
    state = access.state()
    choice = scope_choice(current_app, current_identity.permissions)
    values = {
        "form": form,
        "choice": choice,
        "presets": _presets(choice),
        "expiries": {days: expiry_of(days, "", state.services.clock.now()) for days in EXPIRIES},
        "networks_said": _networks_said(given(form.networks)),
    }
    if wants_fragment():
        return pages.fragment("keys/_new_form.html", {**values, "level": "h2"}, status)
    return pages.show("keys/new.html", {**values, "level": "h1"}, status)


def _presets(choice: ScopeChoice) -> Mapping[str, str]:
    held = [scope.name for scope in choice.singles if scope.is_held]
    return {
        "read": " ".join(read_only(choice)),
        "all": " ".join(held),
        "none": "",
    }


def _networks_said(text: str) -> tuple[str, str]:
    """Return whether what was typed is right, and whether the caller is within it."""
    if not text.strip():
        return "any", ""
    try:
        networks = listed_networks(text)
    except InvalidValue as error:
        return "wrong", error.problem
    client = current_exchange().facts.client
    return ("with_you" if is_within(client, map(ip_network, networks)) else "without_you"), client
