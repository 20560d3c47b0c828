"""The language of the query bar: ``key:value`` tokens and free text. Nothing is searched here.

All tokens must hold; a comma means "or", a minus in front "not". ``str(query)`` is the normal form,
which parses to the same query. Positions and lengths count code points.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from flask_jafsec.audit.query_reading import (
    Part,
    QueryInvalid,
    Token,
    as_written,
    text_as_written,
    tokens_of,
)
from flask_jafsec.audit.query_values import KNOWN_TYPES, LEVELS, values_of

#: Characters of a query at most. Everything a person types fits; a stranger cannot buy more work.
MAX_CHARS: Final = 2_000

#: Terms of a query at most: each is one more comparison for every row that is looked at.
MAX_TERMS: Final = 32

#: Values of one term at most: each is one more walk along an index.
MAX_VALUES: Final = 50

#: Parameters of the page that people also try as tokens.
TIMES: Final = frozenset(("after", "before", "from", "range", "to"))

__all__ = ["MAX_CHARS", "MAX_TERMS", "MAX_VALUES", "Field", "Query", "QueryInvalid", "Term"]


class Field(StrEnum):
    """What a term is about, in the order of the normal form."""

    TYPE = "type"
    OUTCOME = "outcome"
    SEVERITY = "severity"
    KIND = "kind"
    ACTOR = "actor"
    SUBJECT = "subject"
    IP = "ip"
    REQUEST = "request"
    KEY = "key"
    TEXT = "text"
    """Free text; no key is written in front of it."""


_ORDER: Final = {field: number for number, field in enumerate(Field)}
_KEYS: Final = tuple(field.value for field in Field if field is not Field.TEXT)


@dataclass(frozen=True, slots=True)
class Term:
    """One condition: the field has one of the values; none of them when ``excluded``."""

    field: Field
    values: tuple[str, ...]
    """A type may end in ``*``. Free text is one value, in lower case."""
    excluded: bool = False

    def __str__(self) -> str:
        """Return the token."""
        sign = "-" if self.excluded else ""
        if self.field is Field.TEXT:
            return sign + text_as_written(self.values[0])
        return f"{sign}{self.field}:{','.join(self._written())}"

    def _written(self) -> Iterator[str]:
        is_upper_end = self.values == LEVELS[-len(self.values) :]
        if self.field is Field.SEVERITY and is_upper_end and len(self.values) > 1:
            yield f">={self.values[0]}"
            return
        for value in self.values:
            yield value if self.field is Field.TYPE else as_written(value)


@dataclass(frozen=True, slots=True)
class Query:
    """Terms that must all hold, in one order, each once. Without terms it finds everything."""

    terms: tuple[Term, ...] = ()

    @classmethod
    def of(cls, terms: Iterable[Term]) -> Query:
        """Return the query of these terms in its one form, so that equal queries are equal."""
        unique = {Term(t.field, _in_order(t.field, t.values), t.excluded) for t in terms}
        return cls(tuple(sorted(unique, key=lambda t: (_ORDER[t.field], t.excluded, t.values))))

    def with_term(self, term: Term) -> Query:
        """Return the query with one term more."""
        return Query.of((*self.terms, term))

    def without(self, term: Term) -> Query:
        """Return the query without this term."""
        return Query(tuple(other for other in self.terms if other != term))

    def __str__(self) -> str:
        """Return the normal form."""
        return " ".join(str(term) for term in self.terms)


def parse(text: str, types: Collection[str] = KNOWN_TYPES) -> Query:
    """Return the query that *text* asks.

    Args:
        types: Names of types that may be asked for.

    Raises:
        QueryInvalid: Something in it means nothing; the error says where, what, and what may have
            been meant. No other exception, whatever the text.
    """
    if len(text) > MAX_CHARS:
        raise QueryInvalid(
            f"the query is longer than {MAX_CHARS:,} characters", MAX_CHARS, len(text) - MAX_CHARS
        )
    terms: list[Term] = []
    for token in tokens_of(text):
        if len(terms) == MAX_TERMS:
            problem = f"the query has more than {MAX_TERMS} terms"
            raise QueryInvalid(problem, token.position, len(text) - token.position)
        terms.append(_term_of(token, types))
    return Query.of(terms)


def _term_of(token: Token, types: Collection[str]) -> Term:
    if token.key is None:
        return Term(Field.TEXT, (token.parts[0].text.lower(),), token.excluded)
    field = _field_of(token.key)
    if len(token.parts) > MAX_VALUES:
        first = token.parts[MAX_VALUES]
        raise QueryInvalid(
            f"{field} has more than {MAX_VALUES} values", first.position, first.length
        )
    values = [value for part in token.parts for value in values_of(field, part, types)]
    return Term(field, _in_order(field, values), token.excluded)


def _field_of(key: Part) -> Field:
    name = key.text.lower()
    if name in _KEYS:
        return Field(name)
    if name in TIMES:
        problem = f"{name!r} is no filter: the time range is chosen beside the query"
        raise QueryInvalid(problem, key.position, key.length)
    problem = f"there is no filter {name!r}; put it in quotes to search for the text"
    raise QueryInvalid.at(key, problem, known=_KEYS)


def _in_order(field: Field, values: Iterable[str]) -> tuple[str, ...]:
    unique = set(values)
    if field is Field.SEVERITY:
        return tuple(level for level in LEVELS if level in unique)
    return tuple(sorted(unique))
