"""``python -m flask_jafsec``: the commands that need no application, such as ``secrets new``."""

from __future__ import annotations

from flask_jafsec.cli import group

if __name__ == "__main__":
    group(prog_name="python -m flask_jafsec")
