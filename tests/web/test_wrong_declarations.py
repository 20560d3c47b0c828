"""A declaration that cannot work is said when the app is built, and never opens a route."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Blueprint, Flask

from flask_jafsec import JafSecurity
from flask_jafsec.errors import DeclarationError
from flask_jafsec.events import EventType
from flask_jafsec.stores.memory import MemoryStore
from flask_jafsec.web.route_table import rows
from tests.apps import Place, make_place


@pytest.fixture
def bare() -> Place:
    return make_place(bare=True)


def new_view() -> Any:
    """Return a view that no test has declared yet."""
    return lambda **_: "read"


WRONG = [
    pytest.param({"limit": "nope"}, "/x", ["'nope'", "chat"], id="a rate nobody configured"),
    pytest.param({"limit": ("5/minute", "nope")}, "/x", ["'nope'"], id="among others"),
    pytest.param({"limit": "chat", "cost": 21}, "/x", ["cost", "'chat'"], id="dearer than a name"),
    pytest.param({"cost": 101}, "/x", ["cost", "'default'"], id="dearer than what counts anyway"),
    pytest.param({"owner": "nope"}, "/x/<name>", ["'nope'", "'name'"], id="no such argument"),
    pytest.param({"owner": "name"}, "/x", ["'name'", "/x/<name>"], id="no argument at all"),
]


@pytest.mark.parametrize("cost", [21, 5000])
def test_a_cost_above_its_rate_is_refused_where_it_is_written(bare: Place, cost: int) -> None:
    with pytest.raises(DeclarationError, match="cost"):
        bare.jafsec.require(limit="20/minute", cost=cost)


@pytest.mark.parametrize(("options", "address", "words"), WRONG)
def test_a_wrong_declaration_is_said_when_its_route_is_added(
    bare: Place, options: dict[str, Any], address: str, words: list[str]
) -> None:
    declared = bare.jafsec.require(**options)(new_view())

    with pytest.raises(DeclarationError) as refused:
        bare.app.add_url_rule(address, "x", declared)

    assert all(word in str(refused.value) for word in [*words, "<lambda>", address])


@pytest.mark.parametrize(("options", "address", "words"), WRONG)
def test_a_wrong_declaration_is_said_at_init_where_its_route_is_older(
    options: dict[str, Any], address: str, words: list[str]
) -> None:
    app, jafsec = Flask("older"), JafSecurity(store=MemoryStore())
    app.testing = True
    app.add_url_rule(address, "x", jafsec.require(**options)(new_view()))

    with pytest.raises(DeclarationError, match="<lambda>") as refused:
        jafsec.init_app(app)

    assert all(word in str(refused.value) for word in words)


def test_a_wrong_default_of_a_blueprint_is_said_when_it_is_registered(bare: Place) -> None:
    parts = Blueprint("parts", __name__)
    bare.jafsec.require_all(parts, limit="nope")
    parts.add_url_rule("/x", "x", new_view())

    with pytest.raises(DeclarationError, match="<lambda>"):
        bare.app.register_blueprint(parts)


@pytest.mark.parametrize("address", ["/x/<name>", "/x"])
def test_the_argument_of_an_owner_rule_is_wanted_of_every_address(
    bare: Place, address: str
) -> None:
    declared = bare.jafsec.require(owner="name")(new_view())
    bare.app.add_url_rule("/first/<name>", "x", declared)
    if "name" in address:
        bare.app.add_url_rule(address, "x", declared)
        return

    with pytest.raises(DeclarationError, match="'name'"):
        bare.app.add_url_rule(address, "x", declared)


def test_an_argument_may_come_from_the_defaults_of_a_rule_or_the_prefix(bare: Place) -> None:
    parts = Blueprint("parts", __name__, url_prefix="/of/<name>")
    parts.add_url_rule("/x", "x", bare.jafsec.require(owner="name", limit=None)(new_view()))
    bare.app.register_blueprint(parts)
    declared = bare.jafsec.require(owner="name", limit=None)(new_view())
    bare.app.add_url_rule("/anns", "anns", declared, defaults={"name": "ann"})

    for path in ("/of/ann/x", "/anns"):
        assert bare.client.get(path, headers=bare.bearer("ann")).status_code == 200


@pytest.mark.parametrize(
    "options", [{"limit": "nope"}, {"cost": 101}, {"owner": "nope"}], ids=["limit", "cost", "owner"]
)
@pytest.mark.parametrize("paths", [{}, {"/x/*": {"public": True}}], ids=["", "below a public path"])
def test_what_is_found_too_late_is_refused_for_everybody(
    options: dict[str, Any], paths: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    place = make_place(bare=True, JAFSEC_ROUTES=paths)

    def late(**_: object) -> str:
        return "read"

    place.app.get("/x/<name>")(late)
    place.jafsec.require(**options)(late)

    answers = [place.client.get("/x/ann", headers=place.bearer("ann")) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [403, 403]
    assert answers[0].get_json()["code"] == "route_undeclared"
    events = place.events(EventType.ROUTE_UNDECLARED)
    assert {event.reason for event in events} == {"declaration_wrong"}
    errors = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert len([said for said in errors if "late is refused" in said]) == 1


def test_the_answer_says_what_is_wrong_in_debug_only(bare: Place) -> None:
    def late() -> str:
        return "read"

    bare.app.get("/x")(late)
    bare.jafsec.require(limit="nope")(late)

    assert "nope" not in bare.client.get("/x").text
    bare.app.debug = True
    assert "'nope' is not configured" in bare.client.get("/x").get_json()["detail"]


def test_a_cost_may_need_the_limit_of_its_path() -> None:
    place = make_place(bare=True, JAFSEC_ROUTES={"/big": {"limit": "1000/minute"}})
    for path in ("big", "small"):
        declared = place.jafsec.require(cost=500)(new_view())
        place.app.add_url_rule(f"/{path}", path, declared)
    headers = place.bearer()

    assert place.client.get("/big", headers=headers).status_code == 200
    assert place.client.get("/small", headers=headers).get_json()["code"] == "route_undeclared"


@pytest.mark.parametrize(
    "declares",
    [
        {"permissions": ["chat:basic"], "cost": 101},
        {"permissions": ["chat:basic"], "limit": "chat", "cost": 21},
        {"limit": "5/minute", "cost": 6},
    ],
)
def test_a_path_rule_that_never_lets_anybody_in_is_said_at_init(declares: dict[str, Any]) -> None:
    with pytest.raises(DeclarationError, match=r"JAFSEC_ROUTES\['/x'\].*cost"):
        make_place(bare=True, JAFSEC_ROUTES={"/x": declares})


def test_the_table_names_wrong_declarations_first(bare: Place) -> None:
    bare.app.add_url_rule("/open", "open", bare.jafsec.public()(lambda: "open"))

    def late() -> str:
        return "read"

    bare.app.get("/x")(late)
    bare.jafsec.require("chat:basic", limit="nope")(late)

    row = rows(bare.app)[0]
    told = bare.app.test_cli_runner().invoke(args=["jafsec", "routes"])
    checked = bare.app.test_cli_runner().invoke(args=["jafsec", "routes", "--check"])

    assert (row.rule, row.access) == ("/x", "wrong")
    assert "'nope' is not configured" in row.fault
    assert "WRONG: nobody" in told.output
    assert "'nope' is not configured" in " ".join(told.output.split())
    assert checked.exit_code == 1
