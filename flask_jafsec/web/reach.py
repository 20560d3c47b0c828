"""Which paths a rule can be asked by: what the table of routes must know about path rules."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any, Final

from werkzeug.routing import Rule

#: A variable in a rule; the group is its converter. Source: Werkzeug's documentation of Rule.
_VARIABLE: Final = re.compile(r"<(?:([A-Za-z_]\w*)(?:\(.*?\))?:)?[A-Za-z_]\w*>")

#: Stand for any text without a slash, and any text at all. Everything else is one character.
_WITHIN_PART: Final = "<>"
_ANY: Final = "</>"


class Reach:
    """All paths of one rule, and perhaps a few more.

    What a converter really takes is not asked, only whether it takes a slash. So a path rule may
    be told that never matches, but none is missing that may.
    """

    def __init__(self, rule: Rule, converters: Mapping[str, Any]) -> None:
        self._tokens = tuple(_tokens(rule.rule, converters))
        self._literal = rule.rule.partition("<")[0]
        self._is_fixed = self._literal == rule.rule
        # Then Werkzeug takes the path with and without the slash at its end.
        self._is_lax = not rule.strict_slashes

    def may_match(self, pattern: str) -> bool:
        """Return whether *pattern* (as in JAFSEC_ROUTES) matches one of the paths."""
        text = pattern.removesuffix("*")
        if not pattern.endswith("*"):
            return self._includes(text)
        if self._after(text) or (text.endswith("/") and self._includes(text[:-1])):
            return True
        return self._is_lax and self._includes(text)

    def lies_within(self, pattern: str) -> bool:
        """Return whether *pattern* matches all of the paths."""
        text = pattern.removesuffix("*")
        if not pattern.endswith("*"):
            return self._is_fixed and self._literal == text and not self._is_lax
        is_folder = self._is_fixed and f"{self._literal}/" == text
        return is_folder or self._literal.startswith(text)

    def _includes(self, path: str) -> bool:
        paths = [path]
        if self._is_lax:
            paths.append(path[:-1] if path.endswith("/") else f"{path}/")
        return any(len(self._tokens) in self._after(one) for one in paths)

    def _after(self, text: str) -> set[int]:
        """Return how many tokens may be behind us when *text* has been read; none if it cannot."""
        places = self._with_skipped({0})
        for character in text:
            steps = chain.from_iterable(self._steps(place, character) for place in places)
            places = self._with_skipped(set(steps))
        return places

    def _steps(self, place: int, character: str) -> Iterator[int]:
        token = self._tokens[place] if place < len(self._tokens) else ""
        if token == _ANY or (token == _WITHIN_PART and character != "/"):
            yield place
        elif token == character:
            yield place + 1

    def _with_skipped(self, places: set[int]) -> set[int]:
        """Add the places behind variables: one may have read enough, or nothing."""
        found = set(places)
        for place in places:
            while place < len(self._tokens) and self._tokens[place] in {_ANY, _WITHIN_PART}:
                place += 1
                found.add(place)
        return found


def _tokens(rule: str, converters: Mapping[str, Any]) -> Iterator[str]:
    parts = _VARIABLE.split(rule)
    yield from parts[0]
    for name, literal in zip(parts[1::2], parts[2::2], strict=True):
        converter = converters.get(name or "default")
        yield _WITHIN_PART if getattr(converter, "part_isolating", False) else _ANY
        yield from literal
