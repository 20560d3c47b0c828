"""How routes are declared, and that a lost declaration never opens one."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, ClassVar

import pytest
from flask import Blueprint, Flask
from flask.views import MethodView, View

from flask_jafsec import JafSecurity
from flask_jafsec.errors import DeclarationError, PartMissing, SettingsError
from flask_jafsec.records import Identity
from tests.apps import Place, make_place


@pytest.fixture
def bare() -> Place:
    return make_place(bare=True)


def without_wraps(view: Callable[..., Any]) -> Callable[..., Any]:
    def inner(*args: Any, **kwargs: Any) -> Any:
        return view(*args, **kwargs)

    return inner


def with_wraps(view: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(view)
    def inner(*args: Any, **kwargs: Any) -> Any:
        return view(*args, **kwargs)

    return inner


def test_the_decorator_returns_the_view_itself(bare: Place) -> None:
    def view() -> str:
        return "plain"

    assert bare.jafsec.require("chat:basic")(view) is view
    assert view() == "plain"


def test_a_declaration_survives_decorators_that_wrap_properly(bare: Place) -> None:
    bare.app.add_url_rule("/x", "x", with_wraps(bare.jafsec.public()(lambda: "open")))

    assert bare.client.get("/x").text == "open"


def test_a_declaration_lost_by_a_careless_decorator_closes_the_route(bare: Place) -> None:
    bare.app.add_url_rule("/x", "x", without_wraps(bare.jafsec.public()(lambda: "open")))

    assert bare.client.get("/x").status_code == 403


def test_an_async_view_needs_nothing_else(bare: Place) -> None:
    @bare.app.get("/x")
    @bare.jafsec.require("chat:basic")
    async def view() -> str:
        return "async"

    assert bare.client.get("/x").status_code == 401
    assert bare.client.get("/x", headers=bare.bearer()).text == "async"


def test_a_method_view_may_declare_for_all_its_methods(bare: Place) -> None:
    class Chat(MethodView):
        decorators: ClassVar[list[Any]] = [bare.jafsec.require("chat:basic")]

        def get(self) -> str:
            return "read"

        def post(self) -> str:
            return "wrote"

    bare.app.add_url_rule("/x", view_func=Chat.as_view("x"))

    assert bare.client.get("/x").status_code == 401
    assert bare.client.post("/x", headers=bare.bearer()).text == "wrote"


def test_a_method_view_may_declare_each_method_and_the_silent_one_is_closed(bare: Place) -> None:
    class Chat(MethodView):
        @bare.jafsec.public()
        def get(self) -> str:
            return "read"

        @bare.jafsec.require("agent:manage")
        def post(self) -> str:
            return "wrote"

        def delete(self) -> str:
            return "gone"

    bare.app.add_url_rule("/x", view_func=Chat.as_view("x"))
    headers = bare.bearer()

    assert bare.client.get("/x").text == "read"
    assert bare.client.head("/x").status_code == 200
    assert bare.client.post("/x", headers=headers).status_code == 403
    assert bare.client.delete("/x", headers=headers).status_code == 403


def test_a_view_class_without_methods_is_declared_like_a_function(bare: Place) -> None:
    class Old(View):
        decorators: ClassVar[list[Any]] = [bare.jafsec.require("chat:basic")]

        def dispatch_request(self) -> str:
            return "old"

    bare.app.add_url_rule("/x", view_func=Old.as_view("x"))

    assert bare.client.get("/x").status_code == 401
    assert bare.client.get("/x", headers=bare.bearer()).text == "old"


def test_a_blueprints_default_holds_for_nested_blueprints_and_a_nearer_word_wins(
    bare: Place,
) -> None:
    outer, inner = Blueprint("outer", __name__), Blueprint("inner", __name__)
    bare.jafsec.require_all(outer, "agent:manage")
    inner.add_url_rule("/default", "default", lambda: "default")
    inner.add_url_rule("/own", "own", bare.jafsec.public()(lambda: "own"))
    outer.register_blueprint(inner, url_prefix="/in")
    bare.app.register_blueprint(outer, url_prefix="/out")

    assert bare.client.get("/out/in/default").status_code == 401
    assert bare.client.get("/out/in/default", headers=bare.bearer()).status_code == 403
    assert bare.client.get("/out/in/own").text == "own"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        pytest.param("/api/secure/a", 403, id="below the folder"),
        pytest.param("/api/secure", 403, id="the folder itself"),
        pytest.param("/api/secured", 403, id="undeclared beside it"),
        pytest.param("/open", 200, id="declared public by its path"),
    ],
)
def test_path_rules_declare_views_one_cannot_touch(path: str, status: int) -> None:
    place = make_place(
        bare=True,
        JAFSEC_ROUTES={
            "/api/secure/*": {"permissions": ["agent:manage"]},
            "/open": {"public": True},
        },
    )
    place.app.add_url_rule("/<path:any>", "any", lambda any: any)

    answer = place.client.get(path, headers=place.bearer())

    assert answer.status_code == status
    if "secure" in path and status == 403:
        code = "route_undeclared" if path == "/api/secured" else "permission_denied"
        assert answer.get_json()["code"] == code


def test_a_declaration_on_the_view_wins_over_its_path() -> None:
    place = make_place(JAFSEC_ROUTES={"/chat*": {"public": True}})

    assert place.client.get("/chat").status_code == 401


def test_a_path_that_only_limits_opens_nothing_and_limits_the_view() -> None:
    place = make_place(JAFSEC_ROUTES={"/*": {"limit": "2/minute"}})
    headers = place.bearer("bo", "manager")

    assert place.client.get("/undeclared", headers=headers).status_code == 403
    codes = [place.client.get("/agents", headers=headers).status_code for _ in range(3)]
    assert codes == [200, 200, 429]


@pytest.mark.parametrize(
    ("argument", "part"),
    [
        ({"signed": True}, "signing"),
        ({"body": dict}, "screening"),
        ({"screen_input": True}, "screening"),
        ({"screen_output": True}, "screening"),
        ({"budget": "1000/day"}, "abuse control"),
        ({"fresh": True}, "step-up"),
    ],
)
def test_what_does_not_work_yet_is_refused_by_the_name_of_its_part(
    bare: Place, argument: dict[str, Any], part: str
) -> None:
    with pytest.raises(PartMissing, match=part):
        bare.jafsec.require("chat:basic", **argument)
    with pytest.raises(SettingsError, match=part):
        make_place(JAFSEC_ROUTES={"/x": {"permissions": ["chat:basic"], **argument}})


@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        pytest.param(("Chat Basic",), {}, id="no permission"),
        pytest.param(("chat:*",), {}, id="a wildcard asked for"),
        pytest.param(("chat:basic",), {"any_of": True}, id="any of one"),
        pytest.param(("chat:basic",), {"credentials": "cookie"}, id="unknown credential"),
        pytest.param(("chat:basic",), {"credentials": ()}, id="no credential"),
        pytest.param(("chat:basic",), {"limit": "20 a minute"}, id="no rate"),
        pytest.param(("chat:basic",), {"cost": 0}, id="costs nothing"),
        pytest.param(("chat:basic",), {"owner": ""}, id="nameless owner"),
        pytest.param(("chat:basic",), {"permission": "x:y"}, id="misspelt argument"),
    ],
)
def test_a_declaration_that_means_nothing_safe_is_refused_at_once(
    bare: Place, arguments: tuple[str, ...], options: dict[str, Any]
) -> None:
    with pytest.raises(DeclarationError):
        bare.jafsec.require(*arguments, **options)


def test_require_without_parentheses_says_so(bare: Place) -> None:
    def view() -> str:
        return ""

    with pytest.raises(DeclarationError, match="parentheses"):
        bare.jafsec.require(view)  # type: ignore[arg-type]


def test_any_of_several_permissions_is_enough_and_all_is_the_rule(bare: Place) -> None:
    either = bare.jafsec.require("chat:basic", "agent:manage", any_of=True)
    both = bare.jafsec.require("chat:basic", "agent:manage")
    bare.app.add_url_rule("/either", "either", either(lambda: "yes"))
    bare.app.add_url_rule("/both", "both", both(lambda: "yes"))
    headers = bare.bearer()

    assert bare.client.get("/either", headers=headers).status_code == 200
    assert bare.client.get("/both", headers=headers).status_code == 403


def test_a_route_may_want_one_kind_of_credential(bare: Place) -> None:
    only = bare.jafsec.require("chat:basic", credentials="token")
    bare.app.add_url_rule("/x", "x", only(lambda: "yes"))

    answer = bare.client.get("/x", headers={"X-API-Key": bare.key("chat:basic")})

    assert answer.status_code == 403
    assert answer.get_json()["code"] == "credential_kind_refused"
    assert bare.client.get("/x", headers=bare.bearer()).status_code == 200


def owns(identity: Identity, number: int) -> bool:
    return identity.subject == f"user-{number}"


@pytest.mark.parametrize("owner", ["subject", owns])
def test_an_owner_rule_lets_only_the_owner_in(bare: Place, owner: Any) -> None:
    rule = "/of/<subject>" if owner == "subject" else "/of/user-<int:number>"
    view = bare.jafsec.require("chat:basic", owner=owner)(lambda **_: "mine")
    bare.app.add_url_rule(rule, "of", view)

    assert bare.client.get("/of/user-1", headers=bare.bearer("user-1")).text == "mine"
    answer = bare.client.get("/of/user-2", headers=bare.bearer("user-1"))
    assert answer.status_code == 403
    assert answer.get_json()["code"] == "not_owner"


@pytest.mark.parametrize(
    "owner",
    [
        pytest.param(lambda identity, subject: None, id="forgets to return"),
        pytest.param(lambda identity, subject: "yes", id="returns something else"),
        pytest.param(lambda identity, subject: 1 / 0, id="breaks"),
    ],
)
def test_a_broken_owner_rule_lets_nobody_in(bare: Place, owner: Any) -> None:
    view = bare.jafsec.require("chat:basic", owner=owner)(lambda subject: "mine")
    bare.app.add_url_rule("/of/<subject>", "of", view)

    assert bare.client.get("/of/ann", headers=bare.bearer("ann")).status_code in {403, 503}


def test_a_view_of_the_hosts_that_calls_itself_static_is_not_public(bare: Place) -> None:
    bare.app.view_functions.pop("static", None)
    bare.app.add_url_rule("/files/<name>", "files.static", lambda name: name)

    assert bare.client.get("/files/secret").status_code == 403


def test_one_object_may_serve_two_apps_with_settings_of_their_own() -> None:
    jafsec = JafSecurity()
    apps = [Flask("one"), Flask("two")]
    for app, lifetime in zip(apps, (60, 120), strict=True):
        app.testing = True
        app.config["JAFSEC_TOKEN_LIFETIME_S"] = lifetime
        jafsec.init_app(app)

    found = [jafsec.for_app(app).settings.tokens.lifetime_s for app in apps]

    assert found == [60, 120]


def test_a_second_init_on_the_same_app_says_what_to_do(bare: Place) -> None:
    with pytest.raises(RuntimeError, match="Import and use that one"):
        bare.jafsec.init_app(bare.app)
