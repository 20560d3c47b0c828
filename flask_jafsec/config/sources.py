"""Where a setting's value comes from, and the list of everything that is wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from flask_jafsec.config import guide, known
from flask_jafsec.config.parsing import Unfit
from flask_jafsec.errors import Problem

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Given:
    """A value somebody wrote, and the name it was written under."""

    name: str
    value: object = field(repr=False)


class Sources:
    """``app.config``, then the environment, then the guide's names in the environment.

    Hands out parsed values and collects problems; nothing is raised while reading, so that an
    operator sees everything at once.
    """

    def __init__(self, config: Mapping[str, object], environ: Mapping[str, str]) -> None:
        self._config = config
        self._environ = environ
        self._fallbacks = set[str]()
        self.problems: list[Problem] = known.unknown_names({*config, *environ})

    @property
    def fallbacks_used(self) -> tuple[str, ...]:
        """The guide's names that gave a value."""
        return tuple(sorted(self._fallbacks))

    @property
    def fallbacks_ignored(self) -> tuple[str, ...]:
        """The guide's names that are set and have no effect in this release."""
        return tuple(name for name in guide.IGNORED if name in self._environ)

    def find(self, key: str) -> Given | None:
        """Return the first value given for *key*; None in ``app.config`` means "not given"."""
        if self._config.get(key) is not None:
            return Given(key, self._config[key])
        if key in self._environ:
            return Given(key, self._environ[key])
        return self.find_guide(guide.SAME[key]) if key in guide.SAME else None

    def find_guide(self, name: str) -> Given | None:
        """Return the value of one of the guide's names, and remember that it was used."""
        if name not in self._environ:
            return None
        self._fallbacks.add(name)
        return Given(name, self._environ[name])

    def name_of(self, key: str) -> str:
        """Return the name under which *key* is given, for problems found after parsing."""
        given = self.find(key)
        return key if given is None else given.name

    def take(self, key: str, parse: Callable[[object], T], default: T) -> T:
        """Return the parsed value of *key*, or *default* if it is not given or unfit."""
        return self.parsed(self.find(key), parse, default)

    def parsed(self, given: Given | None, parse: Callable[[object], T], default: T) -> T:
        """Return *given* parsed, or *default* if there is nothing or it is unfit."""
        if given is None:
            return default
        try:
            return parse(given.value)
        except Unfit as unfit:
            for fault in unfit.faults:
                self.complain(given.name + fault.place, fault.what, fault.instead)
            return default

    def complain(self, key: str, what: str, instead: str) -> None:
        """Remember one problem. None of the texts may hold a value somebody wrote."""
        self.problems.append(Problem(key, what, instead))
