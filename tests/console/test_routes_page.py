"""The page with the table of routes."""

from __future__ import annotations

from flask_jafsec.web.extension import state_of
from tests.apps import OPERATOR, make_place
from tests.console.test_door import BROWSER, sign_in


def test_a_route_that_depends_on_the_path_says_on_which() -> None:
    place = make_place(JAFSEC_ROUTES={"/pub/*": {"public": True}})
    place.app.add_url_rule("/<path:q>", "rest", lambda **_: "")
    state = state_of(place.app)
    made = state.users.create("admin", by=OPERATOR)
    state.roles.grant(made.user.id, "jafsec_admin", by=OPERATOR)
    place.app.config["ONE_TIME"] = made.one_time_password

    page = sign_in(place).get("/security/routes", headers=BROWSER).text

    assert "Depends on the path" in page
    assert "/pub/*" in page
    assert "else undeclared" in page
