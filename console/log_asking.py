"""What somebody asks of the log, as it stands in the address; and addresses that ask it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from flask import request, url_for

from flask_jafsec.audit.query import MAX_CHARS, Query, QueryInvalid, parse
from flask_jafsec.audit.ranges import RangeInvalid, Span, last_span, span_of
from flask_jafsec.audit.searching import PAGE_SIZE
from flask_jafsec.audit.views import EVERYTHING, VIEWS, View, view_called
from flask_jafsec.errors import JafsecError, NotFound
from flask_jafsec.web.log_reading import LogReading

from . import access

#: Rows of a page that may be chosen. Source: console.md B4.
SIZES: Final = (25, PAGE_SIZE, 100)

#: Parameters of the list. Those of another page are not taken along.
PARAMETERS: Final = ("view", "q", "range", "from", "to", "after", "before", "size", "counts")

#: Characters shown in front of the wrong part of a query, and of the part itself.
_AROUND: Final = 40


class NoLog(JafsecError):
    """The app's store keeps no log, so there is nothing to read."""

    code = "no_log"


@dataclass(frozen=True, slots=True)
class Wrong:
    """What is wrong with a query, and where."""

    message: str
    before: str
    part: str
    nearest: str
    mended: str
    """The query with the nearest name in the place of the wrong one; empty without any."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One question to the log."""

    text: str
    """The query as it was typed."""
    view: View
    query: Query
    """What was typed, as far as it could be read."""
    span: Span
    size: int = PAGE_SIZE
    after: str = ""
    before: str = ""
    wrong: Wrong | None = None
    wrong_range: str = ""

    @property
    def whole(self) -> Query:
        """Return the query together with that of the view."""
        return self.view.query & self.query

    @property
    def is_right(self) -> bool:
        """Whether it can be answered."""
        return self.wrong is None and not self.wrong_range

    @property
    def is_first_page(self) -> bool:
        """Whether the list begins with the newest."""
        return not self.after and not self.before

    def parameters(self, query: Query | None = None, span: Span | None = None) -> dict[str, Any]:
        """Return what an address needs to ask this, or the same with another part."""
        asked = self.query if query is None else query
        found = {"view": self.view.slug, "q": str(asked), **(span or self.span).parameters}
        if self.size != PAGE_SIZE:
            found["size"] = str(self.size)
        return {name: value for name, value in found.items() if value}

    def address(self, query: Query | None = None, span: Span | None = None) -> str:
        """Return the list's address for this, or for the same with another part."""
        return url_for("jafsec.audit", **self.parameters(query, span))

    def of(self, endpoint: str) -> str:
        """Return the address of something else that is asked the same."""
        return url_for(endpoint, **self.parameters(span=self.span))

    def page(self, *, after: str | None = None, before: str | None = None) -> str:
        """Return the address of another page of the same list, which stands still meanwhile."""
        cursor = {"after": after} if after else {"before": before or ""}
        return url_for("jafsec.audit", **(self.parameters(span=self.span.fixed) | cursor))

    def within(self, name: str) -> str:
        """Return the address of the same in the last *name*, such as ``7d``."""
        return self.address(span=last_span(name, self._now()))

    def seen_as(self, view: View) -> str:
        """Return the address of another view of the same span."""
        found = self.parameters(Query()) | {"view": view.slug}
        return url_for("jafsec.audit", **{name: value for name, value in found.items() if value})

    @staticmethod
    def _now() -> datetime:
        return access.state().services.clock.now()


def asked() -> Asked:
    """Return what the present request asks. Nothing in it is an error of the page."""
    text = request.args.get("q", "").strip()
    query, wrong = _query(text)
    span, wrong_range = _span()
    return Asked(
        text=text[:MAX_CHARS],
        view=_view(request.args.get("view", "")),
        query=query,
        span=span,
        size=_size(request.args.get("size", "")),
        after=request.args.get("after", ""),
        before=request.args.get("before", "") if not request.args.get("after") else "",
        wrong=wrong,
        wrong_range=wrong_range,
    )


def tidy_address() -> str:
    """Return the present address without empty parameters; empty where there are none."""
    kept: dict[str, Any] = {
        name: request.args[name] for name in PARAMETERS if request.args.get(name, "").strip()
    }
    has_empty = any(not value.strip() for value in request.args.values())
    return url_for("jafsec.audit", **kept) if has_empty else ""


def log_reading() -> LogReading:
    """Return what the log is read with. Raises NoLog."""
    found = access.state().log_reading
    if found is None:
        raise NoLog("this application's store keeps no audit log")
    return found


def views() -> tuple[View, ...]:
    """Return the ready-made views, in their order."""
    return VIEWS


def _query(text: str) -> tuple[Query, Wrong | None]:
    try:
        return parse(text), None
    except QueryInvalid as error:
        start, end = error.position, error.position + error.length
        part = text[start:end]
        mended = text[:start] + error.nearest + text[end:] if error.nearest else ""
        before = text[max(0, start - _AROUND) : start]
        return Query(), Wrong(error.message, before, part[:_AROUND], error.nearest, mended)


def _span() -> tuple[Span, str]:
    now = access.state().services.clock.now()
    try:
        return span_of(request.args, now), ""
    except RangeInvalid as error:
        return span_of({}, now), error.message


def _view(slug: str) -> View:
    try:
        return view_called(slug)
    except NotFound:
        return EVERYTHING


def _size(text: str) -> int:
    return int(text) if text in {str(size) for size in SIZES} else PAGE_SIZE
