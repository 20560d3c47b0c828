"""What the pages under test tell about: keys and events, the same in every run."""

from __future__ import annotations

from flask_jafsec.identity.permissions import Actor
from flask_jafsec.web.state import State

OPERATOR = Actor.operator("cli:tests")


def fill(state: State) -> dict[str, str]:
    """Make what pages list; return the names that paths in pages.py have in braces."""
    minted = state.keys.mint("nightly-report", scopes=frozenset({"chat:basic"}), by=OPERATOR)
    return {"key": minted.key.id}
