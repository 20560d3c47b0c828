"""How long a database may take. Source of the defaults: the fault matrix, rule R4."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Time limits of one store, in seconds."""

    statement_s: float = 2.0
    """For one statement; 0 for no limit (migrations). SQLite has no such limit."""
    lock_s: float = 5.0
    """For a lock that another transaction holds."""
    pool_s: float = 3.0
    """For a free connection."""
