"""What happens to a trail when its process forks, and when it ends."""

from __future__ import annotations

import atexit
import os
from typing import Protocol
from weakref import WeakSet


class Companion(Protocol):
    """Something with a thread of its own beside the writer's."""

    def start(self) -> None:
        """Start the thread."""

    def stop(self) -> None:
        """Do what is left and stop; ``start`` may follow."""

    def begin_again(self) -> None:
        """Forget the parent's thread in the child of a fork."""


class Mortal(Protocol):
    """Something that must do its last work before the process ends."""

    def say_goodbye(self) -> None:
        """Do what is left, for good."""

    def begin_again(self) -> None:
        """Be another one in the child of a fork."""


# Weak, so that being watched does not keep a trail alive.
_watched: WeakSet[Mortal] = WeakSet()


def watch(one: Mortal) -> None:
    """Tell *one* about every fork from now on, and about the end."""
    _watched.add(one)


def _say_goodbye() -> None:
    for one in list(_watched):
        one.say_goodbye()


def _begin_again() -> None:
    # A fork copies the queue but not the thread.
    for one in list(_watched):
        one.begin_again()


atexit.register(_say_goodbye)
os.register_at_fork(after_in_child=_begin_again)
