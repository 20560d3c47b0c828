"""One installation under load: its settings, its folder, and its parts in this process."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from flask import Flask

from flask_jafsec import JafSecurity
from flask_jafsec.audit.keeping import Keeper
from flask_jafsec.identity.permissions import Actor
from flask_jafsec.stores.schema import upgrade
from flask_jafsec.web.extension import state_of
from flask_jafsec.web.state import State

OPERATOR = Actor.operator("cli:load")

#: Where programs of an installation find its folder.
FOLDER_VARIABLE = "LOAD_FOLDER"


@dataclass(frozen=True, slots=True)
class Installation:
    """A folder with everything but, perhaps, the database."""

    folder: Path
    environment: dict[str, str]

    @property
    def ack_path(self) -> Path:
        """Where workers write what they were told."""
        return self.folder / "acks"

    @property
    def spool_folder(self) -> Path:
        """Where journals stand."""
        return self.folder / "spool"

    @property
    def anchor_path(self) -> Path:
        """Where signed sizes are kept outside the database."""
        return self.folder / "anchors.log"

    @property
    def url(self) -> str:
        """The database's URL."""
        return self.environment["JAFSEC_DATABASE_URL"]

    def programs_environment(self) -> dict[str, str]:
        """Return the environment that a program of this installation is started with."""
        return {**os.environ, **self.environment}


def install(folder: Path, url: str) -> Installation:
    """Return a new installation whose database is at *url*, with our tables in it."""
    upgrade(url)
    return Installation(
        folder,
        {
            FOLDER_VARIABLE: str(folder),
            "JAFSEC_ROOT_KEYS": "load:" + base64.b64encode(os.urandom(32)).decode(),
            "JAFSEC_DATABASE_URL": url,
            "JAFSEC_APP_ID": "load",
            "JAFSEC_SPOOL_DIR": str(folder / "spool"),
            "JAFSEC_ANCHORS": f"file:{folder / 'anchors.log'}",
            "JAFSEC_ADDRESS_RATE": "1000000/second",
        },
    )


def installed_here() -> Installation:
    """Return the installation that this process was started for."""
    folder = Path(os.environ[FOLDER_VARIABLE])
    return Installation(folder, dict(os.environ))


def build(environment: dict[str, str]) -> State:
    """Return the services of an app put together as every app is."""
    app = Flask("load", instance_path=environment[FOLDER_VARIABLE])
    app.config.from_mapping(
        {name: value for name, value in environment.items() if name.startswith("JAFSEC_")}
    )
    JafSecurity(app, sinks=[])
    return state_of(app)


def keeper_of(state: State) -> Keeper:
    """Return what imports, sequences and anchors in the background."""
    found = [each for each in state.services.trail._companions if isinstance(each, Keeper)]
    assert len(found) == 1
    return found[0]


@contextmanager
def opened(installation: Installation) -> Iterator[State]:
    """Open an installation in this process, without any thread of ours."""
    state = build(installation.environment)
    try:
        yield state
    finally:
        state.services.trail.say_goodbye()
        state.store.close()
