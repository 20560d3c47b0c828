"""Where values come from, which one wins, and that all problems are reported at once."""

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from pathlib import Path

import pytest

from flask_jafsec.config.known import KNOWN
from flask_jafsec.config.loading import load
from flask_jafsec.errors import SettingsError
from tests.config.loaded import ROOT_KEY, only_problem, problems_of, settings_of


class Watched(Mapping[str, str]):
    """An environment that remembers what was asked for."""

    def __init__(self, held: Mapping[str, str]) -> None:
        self._held = held
        self.asked: set[str] = set()

    def __getitem__(self, name: str) -> str:
        self.asked.add(name)
        return self._held[name]

    def __contains__(self, name: object) -> bool:
        self.asked.add(str(name))
        return name in self._held

    def __iter__(self) -> Iterator[str]:
        return iter(self._held)

    def __len__(self) -> int:
        return len(self._held)


def test_a_root_key_is_all_that_must_be_set() -> None:
    settings = settings_of()

    assert settings.app_id == "shop"
    assert (settings.tokens.issuer, settings.tokens.audience) == ("shop", "shop")
    assert settings.database_url == "sqlite:////srv/shop/instance/jafsec.sqlite3"
    assert settings.environment == "live"
    assert settings.cors.origins is None
    assert settings.limits.named == {
        "default": "100/minute",
        "chat": "20/minute",
        "api": "1000/hour",
        "upload": "5 per 5 minutes",
    }
    assert settings.fallbacks_used == ()


CASES = [
    # setting, as text, as an object, where it lands, what it becomes
    ("JAFSEC_APP_ID", "blog", "blog", "app_id", "blog"),
    ("JAFSEC_ENVIRONMENT", "TEST", "test", "environment", "test"),
    (
        "JAFSEC_DATABASE_URL",
        "postgresql://u@db/x",
        "postgresql://u@db/x",
        "database_url",
        "postgresql://u@db/x",
    ),
    ("JAFSEC_TOKEN_ISSUER", "https://a.example", "https://a.example", "tokens.issuer", None),
    ("JAFSEC_TOKEN_AUDIENCE", "api", "api", "tokens.audience", "api"),
    ("JAFSEC_TOKEN_LIFETIME_S", "600", 600, "tokens.lifetime_s", 600),
    ("JAFSEC_TOKEN_REFRESH_LIFETIME_S", "86400", 86400, "tokens.refresh_lifetime_s", 86400),
    ("JAFSEC_TOKEN_LEEWAY_S", "0", 0, "tokens.leeway_s", 0),
    ("JAFSEC_TOKEN_MAX_AGE_S", "7200", 7200, "tokens.max_age_s", 7200),
    ("JAFSEC_LIMITS_ENABLED", "off", False, "limits.enabled", False),
    ("JAFSEC_ADDRESS_RATE", "9/second", "9/second", "limits.address_rate", "9/second"),
    ("JAFSEC_LIMITS_STORE", "redis://r/0", "redis://r/0", "limits.store", "redis://r/0"),
    (
        "JAFSEC_LIMITS_STORE_OPTIONS",
        '{"socket_timeout": 1}',
        {"socket_timeout": 1},
        "limits.store_options",
        {"socket_timeout": 1},
    ),
    (
        "JAFSEC_CORS_ORIGINS",
        "https://a.example, https://b.example:8443",
        ["https://a.example", "https://b.example:8443"],
        "cors.origins",
        ("https://a.example", "https://b.example:8443"),
    ),
    ("JAFSEC_CORS_CREDENTIALS", "yes", True, "cors.credentials", True),
    ("JAFSEC_CORS_METHODS", "GET,POST", ("GET", "POST"), "cors.methods", ("GET", "POST")),
    ("JAFSEC_CORS_HEADERS", "X-A", ["X-A"], "cors.headers", ("X-A",)),
    ("JAFSEC_CORS_EXPOSE", "", [], "cors.expose", ()),
    ("JAFSEC_CORS_MAX_AGE_S", "5", 5, "cors.max_age_s", 5),
    ("JAFSEC_HEADERS_ENABLED", "0", False, "headers.enabled", False),
    ("JAFSEC_HSTS_MAX_AGE_S", "0", 0, "headers.hsts_max_age_s", 0),
    ("JAFSEC_HSTS_SUBDOMAINS", "no", False, "headers.hsts_subdomains", False),
    (
        "JAFSEC_CSP",
        '{"img-src": "\'self\' data:"}',
        {"img-src": ["'self'", "data:"]},
        "headers.content_security_policy",
        {"img-src": "'self' data:"},
    ),
    ("JAFSEC_HTTPS_REDIRECT", "true", True, "headers.https_redirect", True),
    (
        "JAFSEC_ROLES",
        '{"editor": ["page:*"]}',
        {"editor": {"page:*"}},
        "roles",
        {"editor": frozenset({"page:*"})},
    ),
    ("JAFSEC_HEALTH_PATHS", "/up", ["/up"], "health_paths", ("/up",)),
    ("JAFSEC_TRUSTED_HOSTS", "a.example", ["a.example"], "trusted_hosts", ("a.example",)),
    ("JAFSEC_CONSOLE_ENABLED", "false", False, "console_enabled", False),
    ("JAFSEC_CONSOLE_NAME", "Ops", "Ops", "console_name", "Ops"),
    ("JAFSEC_CONSOLE_PREFIX", "/ops", "/ops", "console_prefix", "/ops"),
    ("JAFSEC_SESSION_IDLE_S", "60", 60, "session_idle_s", 60),
    ("JAFSEC_SESSION_LIFETIME_S", "3600", 3600, "session_lifetime_s", 3600),
    ("JAFSEC_LOG_ENABLED", "false", False, "log_enabled", False),
    ("JAFSEC_LOG_LEVEL", "warning", "WARNING", "log_level", "WARNING"),
    ("JAFSEC_REALM", "Our API", "Our API", "realm", "Our API"),
]


def at(settings: object, place: str) -> object:
    for name in place.split("."):
        settings = getattr(settings, name)
    return settings


@pytest.mark.parametrize(
    ("key", "as_text", "as_object", "place", "expected"), CASES, ids=[case[0] for case in CASES]
)
def test_a_setting_lands_in_its_place_from_both_sources(
    key: str, as_text: str, as_object: object, place: str, expected: object
) -> None:
    expected = as_object if expected is None else expected

    assert at(settings_of({key: as_object}), place) == expected
    assert at(settings_of({key: as_text}), place) == expected
    assert at(settings_of(environ={key: as_text}), place) == expected


def test_every_simple_setting_is_in_the_table_above() -> None:
    in_files_of_their_own = {
        "JAFSEC_ANCHORS",
        "JAFSEC_AUDIT_EXPORTS",
        "JAFSEC_AUDIT_EXPORT_TOKEN",
        "JAFSEC_AUDIT_WAIT",
        "JAFSEC_LIMITS",
        "JAFSEC_PUBLIC_HOST",
        "JAFSEC_ROOT_KEYS",
        "JAFSEC_ROOT_KEYS_FILE",
        "JAFSEC_ROUTES",
        "JAFSEC_SPOOL_DIR",
        "JAFSEC_TOKEN_KEYS",
    }

    assert {case[0] for case in CASES} == KNOWN.keys() - in_files_of_their_own


def test_every_known_setting_is_read_and_no_other() -> None:
    environ = Watched({"JAFSEC_ROOT_KEYS": ROOT_KEY})

    load({}, environ, app_name="shop", instance_path="/srv", debug=False, testing=False)

    assert {name for name in environ.asked if name.startswith("JAFSEC_")} == KNOWN.keys()


def test_app_config_goes_before_the_environment() -> None:
    settings = settings_of({"JAFSEC_REALM": "config"}, {"JAFSEC_REALM": "environment"})

    assert settings.realm == "config"


def test_none_in_app_config_means_not_given() -> None:
    settings = settings_of({"JAFSEC_REALM": None}, {"JAFSEC_REALM": "environment"})

    assert settings.realm == "environment"


def test_a_value_that_loses_is_not_looked_at() -> None:
    settings = settings_of({"JAFSEC_LOG_LEVEL": "ERROR"}, {"JAFSEC_LOG_LEVEL": "nonsense"})

    assert settings.log_level == "ERROR"


def test_other_names_are_none_of_our_business() -> None:
    config = {"SECRET_KEY": "dev", "SQLALCHEMY_DATABASE_URI": "x", "DEBUG": True}

    assert problems_of(config, {"PATH": "/bin", "FLASK_JAFSEC": "1"}) == []


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("JAFSEC_ROOTKEYS", "JAFSEC_ROOT_KEYS"),
        ("JAFSEC_ROOT_KEY", "JAFSEC_ROOT_KEYS"),
        ("JAFSEC_CORS_ORIGIN", "JAFSEC_CORS_ORIGINS"),
        ("JAFSEC_TOKEN_LIFETIME", "JAFSEC_TOKEN_LIFETIME_S"),
        ("JAFSEC_LOGLEVEL", "JAFSEC_LOG_LEVEL"),
    ],
)
def test_an_unknown_name_is_a_problem_with_the_nearest_known_one(name: str, nearest: str) -> None:
    in_config = only_problem({name: "canary"})
    in_environment = only_problem(environ={name: "canary"})

    assert in_config == in_environment
    assert in_config.key == name
    assert f"{nearest} " in in_config.instead
    assert "canary" not in str(in_config)


def test_an_unknown_name_that_is_near_nothing_is_a_problem_too() -> None:
    assert "Remove it" in only_problem(environ={"JAFSEC_ZZZZZZZZZZZZ": "1"}).instead


def test_all_problems_are_reported_at_once() -> None:
    config: dict[str, object] = {
        "JAFSEC_LIMITS": {"chat": "often", "api": "1000/hour", "UP": "1/hour"},
        "JAFSEC_ROLES": {"editor": ["Page:*", "page:read"]},
        "JAFSEC_ROUTES": {"/a": {"signed": True, "who": 1}, "b": {}},
        "JAFSEC_TOKEN_LEEWAY_S": 121,
        "JAFSEC_NO_SUCH_THING": 1,
    }
    environ = {
        "JAFSEC_ROOT_KEYS": "r1:c2hvcnQ=,r2:!,R3:x",
        "JAFSEC_CORS_ORIGINS": "null,https://a.example/",
        "JAFSEC_LOG_LEVEL": "loud",
        "JWT_SECRET_KEY": "changeme",
        "RATE_LIMIT_ENABLED": "maybe",
        "MAX_REQUESTS_PER_MINUTE": "many",
    }

    found = {problem.key for problem in problems_of(config, environ, app_name="a b")}

    assert found == {
        "JAFSEC_APP_ID",
        "JAFSEC_CORS_ORIGINS (entry 1)",
        "JAFSEC_CORS_ORIGINS (entry 2)",
        "JAFSEC_LIMITS (entry 3)",
        "JAFSEC_LIMITS['chat']",
        "JAFSEC_LOG_LEVEL",
        "JAFSEC_NO_SUCH_THING",
        "JAFSEC_ROLES['editor'] (entry 1)",
        "JAFSEC_ROOT_KEYS (entry 1)",
        "JAFSEC_ROOT_KEYS (entry 2)",
        "JAFSEC_ROOT_KEYS (entry 3)",
        "JAFSEC_ROUTES (entry 2)",
        "JAFSEC_ROUTES['/a'] (member 2)",
        "JAFSEC_ROUTES['/a']['signed']",
        "JAFSEC_TOKEN_LEEWAY_S",
        "JWT_SECRET_KEY",
        "MAX_REQUESTS_PER_MINUTE",
        "RATE_LIMIT_ENABLED",
    }


def test_the_error_lists_key_what_and_instead() -> None:
    with pytest.raises(SettingsError) as caught:
        settings_of({"JAFSEC_LOG_ENABLED": "perhaps"})

    assert str(caught.value) == (
        "1 problem(s) in the configuration:\n"
        "  - JAFSEC_LOG_ENABLED: is neither true nor false. Write true or false."
    )


@pytest.mark.parametrize(
    ("config", "key"),
    [
        ({"JAFSEC_TOKEN_LIFETIME_S": 86_401}, "JAFSEC_TOKEN_LIFETIME_S"),
        (
            {"JAFSEC_TOKEN_LIFETIME_S": 3600, "JAFSEC_TOKEN_REFRESH_LIFETIME_S": 3599},
            "JAFSEC_TOKEN_LIFETIME_S",
        ),
        (
            {"JAFSEC_SESSION_IDLE_S": 3601, "JAFSEC_SESSION_LIFETIME_S": 3600},
            "JAFSEC_SESSION_IDLE_S",
        ),
    ],
)
def test_times_that_contradict_each_other_are_a_problem(
    config: dict[str, object], key: str
) -> None:
    assert only_problem(config).key == key


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("JAFSEC_TOKEN_LEEWAY_S", "121"),
        ("JAFSEC_TOKEN_LEEWAY_S", "-1"),
        ("JAFSEC_TOKEN_LIFETIME_S", "0"),
        ("JAFSEC_TOKEN_LIFETIME_S", "15 minutes"),
        ("JAFSEC_CORS_MAX_AGE_S", "7201"),
        ("JAFSEC_SESSION_IDLE_S", "59"),
        ("JAFSEC_HSTS_MAX_AGE_S", "1.5"),
        ("JAFSEC_ENVIRONMENT", "staging"),
        ("JAFSEC_LOG_LEVEL", "TRACE"),
        ("JAFSEC_APP_ID", ""),
        ("JAFSEC_APP_ID", "a\0b"),
        ("JAFSEC_APP_ID", "-a"),
        ("JAFSEC_APP_ID", "a" * 101),
        ("JAFSEC_TOKEN_ISSUER", ""),
        ("JAFSEC_TOKEN_AUDIENCE", " "),
        ("JAFSEC_HTTPS_REDIRECT", ""),
    ],
)
def test_values_out_of_range_or_form_are_a_problem(key: str, value: str) -> None:
    assert only_problem(environ={key: value}).key == key


@pytest.mark.parametrize("app_name", ["shop", "my_pkg.web", "__main__", "App-2"])
def test_usual_import_names_are_app_ids(app_name: str) -> None:
    assert settings_of(app_name=app_name).app_id == app_name


def test_an_import_name_that_is_no_app_id_is_a_problem_of_the_setting() -> None:
    assert only_problem(app_name="my shop").key == "JAFSEC_APP_ID"
    assert settings_of({"JAFSEC_APP_ID": "shop"}, app_name="my shop").app_id == "shop"


def test_the_default_database_lies_in_the_instance_folder(tmp_path: Path) -> None:
    settings = settings_of(instance_path=str(tmp_path))

    assert settings.database_url == f"sqlite:///{tmp_path}/jafsec.sqlite3"


def test_nothing_in_the_tree_can_be_changed() -> None:
    settings = settings_of({"JAFSEC_ROUTES": {"/a": {"public": True}}})
    mappings = [
        settings.limits.named,
        settings.limits.store_options,
        settings.headers.content_security_policy,
        settings.roles,
        settings.routes[0].declares,
    ]

    assert all(not hasattr(each, "__setitem__") for each in mappings)
    assert all(
        not is_dataclass(part) or replace(part) is not part  # type: ignore[type-var] # an instance
        for part in (getattr(settings, field.name) for field in fields(settings))
    )


def test_loading_does_not_change_what_it_reads() -> None:
    config: dict[str, object] = {"JAFSEC_LIMITS": {"chat": "1/minute"}}
    environ = {"JAFSEC_ROOT_KEYS": ROOT_KEY, "RATE_LIMIT_ENABLED": "true"}
    before = (repr(config), repr(environ))

    load(config, environ, app_name="shop", instance_path="/srv", debug=False, testing=False)

    assert (repr(config), repr(environ)) == before
