"""Flask-JafSec: makes a Flask app safe to put on the internet."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flask_jafsec.records import Identity as Identity
    from flask_jafsec.web.caller import current_identity as current_identity
    from flask_jafsec.web.extension import JafSecurity as JafSecurity

__version__ = "0.1.0"

__all__ = ["Identity", "JafSecurity", "__version__", "current_identity"]

# Found when asked for, so that importing one subject imports neither Flask nor SQLAlchemy.
_HOME = {
    "Identity": "flask_jafsec.records",
    "JafSecurity": "flask_jafsec.web.extension",
    "current_identity": "flask_jafsec.web.caller",
}


def __getattr__(name: str) -> Any:
    """Import a public name from where it lives."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
