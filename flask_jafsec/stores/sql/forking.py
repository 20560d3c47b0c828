"""What happens to connections when the process forks: the child never touches its parent's."""

from __future__ import annotations

import os
from typing import Protocol
from weakref import WeakSet


class Forgetful(Protocol):
    """Something with connections that a child process must not share."""

    def before_fork(self) -> None:
        """Close what a child cannot even inherit safely."""

    def after_fork_in_child(self) -> None:
        """Drop every connection and lock without closing or releasing it."""


# Weak, so that being watched does not keep a store alive.
_watched: WeakSet[Forgetful] = WeakSet()

#: Connections of the parent. Kept for ever: closing them, even by the garbage collector, would
#: say goodbye to the server in the parent's name, or drop the parent's locks on a file.
_abandoned: list[object] = []


def watch(store: Forgetful) -> None:
    """Tell *store* about every fork from now on."""
    _watched.add(store)


def abandon(connections: object) -> None:
    """Keep *connections* of the parent process, untouched, until the process ends."""
    _abandoned.append(connections)


def _before() -> None:
    for store in list(_watched):
        store.before_fork()


def _after_in_child() -> None:
    for store in list(_watched):
        store.after_fork_in_child()


os.register_at_fork(before=_before, after_in_child=_after_in_child)
