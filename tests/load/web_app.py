"""What the kill harness serves for real; its settings come from the environment."""

from __future__ import annotations

import os

from flask import Flask

from flask_jafsec import JafSecurity
from flask_jafsec.web.extension import state_of
from tests.load.acks import EVENT, KEY
from tests.load.crew import signed_in
from tests.load.installation import FOLDER_VARIABLE, OPERATOR

app = Flask("load", instance_path=os.environ[FOLDER_VARIABLE])
jafsec = JafSecurity(app, sinks=[])


@app.post("/keys")
@jafsec.public(limit=None)
def mint() -> dict[str, object]:
    """A change together with its event."""
    minted = jafsec.keys.mint("load", scopes=["load:run"], by=OPERATOR)
    return {"kind": KEY, "name": minted.key.id, "pid": os.getpid()}


@app.post("/sign-ins")
@jafsec.public(limit=None)
def sign_in() -> dict[str, object]:
    """An event whose request waits for it."""
    event = signed_in(0)
    state_of(app).services.trail.record(event)
    return {"kind": EVENT, "name": event.id, "pid": os.getpid()}


@app.post("/guarded")
@jafsec.require()
def guarded() -> dict[str, object]:
    """Nobody of the load has a credential."""
    raise AssertionError("a stranger was let in")
