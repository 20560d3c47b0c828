"""What tests/web/test_workers.py serves for real; its settings come from the environment."""

from __future__ import annotations

import os

from flask import Flask

from flask_jafsec import JafSecurity, current_identity

app = Flask("served")
app.config["JAFSEC_ROLES"] = {"user": ["chat:basic"]}
app.config["JAFSEC_LIMITS"] = {"shared": "10/minute"}
jafsec = JafSecurity(app)


@app.get("/chat")
@jafsec.require("chat:basic", limit=None)
def chat() -> dict[str, object]:
    return {"subject": current_identity.subject, "worker": os.getpid()}


@app.get("/limited")
@jafsec.public(limit="shared")
def limited() -> str:
    return "ok"
