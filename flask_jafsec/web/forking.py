"""What must begin again in the child of a fork: locks nobody would open, ids both would use."""

from __future__ import annotations

import os
import weakref
from typing import Protocol


class BeginsAgain(Protocol):
    """Something that a fork copies and both sides would share the state of."""

    def begin_again(self) -> None:
        """Take new locks, or another random part."""


_WATCHED: weakref.WeakSet[BeginsAgain] = weakref.WeakSet()


def watch(*things: BeginsAgain) -> None:
    """Have each of *things* begin again in every child that is forked while it lives."""
    for thing in things:
        _WATCHED.add(thing)


def _begin_again() -> None:
    for thing in list(_WATCHED):
        thing.begin_again()


os.register_at_fork(after_in_child=_begin_again)
