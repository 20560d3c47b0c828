"""Ready-made views of the log: the questions that are asked most."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from flask_jafsec.audit.query import Query, parse
from flask_jafsec.errors import NotFound


@dataclass(frozen=True, slots=True)
class View:
    """A name and the query it stands for."""

    slug: str
    """Its name in addresses."""
    title: str
    query: Query


EVERYTHING: Final = View("", "All events", Query())

#: Kept in the order in which they are shown.
VIEWS: Final = (
    EVERYTHING,
    View("denied", "Denied", parse("outcome:deny")),
    View("sign-ins", "Sign-ins", parse("type:auth.sign_in.*,auth.sign_out,auth.session.*")),
    View("keys", "Keys", parse("type:key.*,auth.key.*")),
    View("admin", "Admin changes", parse("type:key.*,role.*,user.*,config.*")),
)


def view_called(slug: str) -> View:
    """Return the view of that name. Raises NotFound."""
    for view in VIEWS:
        if view.slug == slug:
            return view
    raise NotFound("view", slug)
