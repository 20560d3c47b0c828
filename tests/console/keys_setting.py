"""An app with people who may do different things, and a browser that is signed in; no tests."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import unescape
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from flask_jafsec.protocols import Store
from flask_jafsec.records import ApiKey, MintedKey
from flask_jafsec.web.extension import state_of
from flask_jafsec.web.state import State
from tests.apps import OPERATOR, Place, make_place

BROWSER = {"Accept": "text/html,*/*;q=0.8", "Sec-Fetch-Site": "same-origin"}
PASSWORD = "violet engines hum"

#: Names, and the roles each holds.
PEOPLE = {
    "ann": ("jafsec_admin", "manager"),
    "bea": ("jafsec_admin", "manager"),
    "clerk": ("key_clerk", "user"),
    "reader": ("key_reader",),
    "nobody": ("user",),
}

SECRET = re.compile(r"jfk_(?:live|test)_[0-9A-Z]{26}_[0-9A-Za-z]{49}")


@dataclass(frozen=True, slots=True)
class Console:
    """The console of one app, and the browser of one person."""

    place: Place
    client: FlaskClient

    @property
    def state(self) -> State:
        """The services of the app."""
        return state_of(self.place.app)

    def get(self, path: str, **options: Any) -> TestResponse:
        """Open a page."""
        return self.client.get(f"/security{path}", headers=BROWSER, **options)

    def fragment(self, path: str) -> TestResponse:
        """Ask for a part of a page, as the script does."""
        return self.client.get(f"/security{path}", headers={**BROWSER, "X-Jafsec-Fragment": "1"})

    def send(self, path: str, **fields: Any) -> TestResponse:
        """Open the page of a form, fill it in, send it."""
        return self.post(path, {**hidden(self.get(path), path), **fields})

    def post(self, path: str, fields: dict[str, Any]) -> TestResponse:
        """Send a form."""
        return self.client.post(f"/security{path}", headers=BROWSER, data=fields)

    def mint(self, name: str = "ci", **options: Any) -> MintedKey:
        """Return a new key."""
        return self.state.keys.mint(
            name, scopes=options.pop("scopes", ["chat:basic"]), by=OPERATOR, **options
        )

    def only_key(self, name: str) -> ApiKey:
        """Return the one key of this name."""
        (key,) = [key for key in self.state.keys.list() if key.name == name]
        return key

    def call(self, secret: str) -> int:
        """Return what a caller with this key is answered."""
        return self.place.client.get("/chat", headers={"X-API-Key": secret}).status_code


def hidden(page: TestResponse, path: str) -> dict[str, str]:
    """Return the hidden fields of the form that is sent to *path*."""
    inside = page.text.partition("<main")[2]
    form = inside.split(f'action="/security{path.partition("?")[0]}"')[-1].split("</form>")[0]
    found = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', form)
    return {name: unescape(value) for name, value in found}


def open_console(who: str = "ann", store: Store | None = None, **settings: Any) -> Console:
    """Return the console of a new app, with *who* signed in."""
    place = make_place(store=store, **settings)
    state = state_of(place.app)
    state.roles.define("key_clerk", ["jafsec:keys:*", "jafsec:console:view"], by=OPERATOR)
    state.roles.define("key_reader", ["jafsec:keys:read", "jafsec:console:view"], by=OPERATOR)
    for name, roles in PEOPLE.items():
        user = state.users.create(name, by=OPERATOR, password=PASSWORD).user
        for role in roles:
            state.roles.grant(user.id, role, by=OPERATOR)
    return also(place, who)


def also(place: Place, who: str) -> Console:
    """Return the console with *who* signed in, in a browser of their own."""
    console = Console(place, place.client)
    answer = console.send("/sign-in", name=who, password=PASSWORD)
    assert answer.status_code == 303, answer.text
    return console
