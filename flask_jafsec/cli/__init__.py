"""The command line: ``flask jafsec ...``. One file per noun; every command calls one service."""

from __future__ import annotations

from flask.cli import AppGroup

from flask_jafsec.cli import audit, installing, keys, people, roles, routes, tokens
from flask_jafsec.cli.failing import EPILOG

group = AppGroup(
    "jafsec",
    help="Users, roles, keys and tokens of this application, and who may call what.",
    epilog=EPILOG,
)

for noun in (installing, people, roles, keys, tokens, routes, audit):
    noun.add(group)
