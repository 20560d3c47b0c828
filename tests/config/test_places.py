"""Paths, hosts, headers, databases and stores."""

import sys

import pytest

from tests.config.loaded import only_problem, settings_of

TAKEN: list[tuple[str, object]] = [
    ("JAFSEC_DATABASE_URL", "sqlite:///x.db"),
    ("JAFSEC_DATABASE_URL", "sqlite:////srv/Üben/x.db"),
    ("JAFSEC_DATABASE_URL", "postgresql+psycopg://u:p@/db?host=/run/pg"),
    ("JAFSEC_LIMITS_STORE", "memory"),
    ("JAFSEC_LIMITS_STORE", "rediss://user:pass@cache:6380/1"),
    ("JAFSEC_LIMITS_STORE", "unix:///run/valkey.sock"),
    ("JAFSEC_LIMITS_STORE", "redis+unix:///run/valkey.sock?db=1"),
    ("JAFSEC_HEALTH_PATHS", []),
    ("JAFSEC_HEALTH_PATHS", ["/", "/health/live", "/a.b-c~d"]),
    ("JAFSEC_CONSOLE_NAME", "Café Nordlicht"),
    ("JAFSEC_CONSOLE_PREFIX", "/ops/security"),
    ("JAFSEC_TRUSTED_HOSTS", ["example.com", ".example.com", "localhost:5000", "[::1]"]),
    ("JAFSEC_CSP", {}),
    ("JAFSEC_CSP", {"script-src": "'self' 'nonce-{nonce}' https://cdn.example", "sandbox": ""}),
    ("JAFSEC_CORS_METHODS", ["PROPFIND"]),
    ("JAFSEC_CORS_HEADERS", ["X-Requested-With", "content-type"]),
    ("JAFSEC_ADDRESS_RATE", ""),
    ("JAFSEC_REALM", "Chat (beta)"),
]


@pytest.mark.parametrize(("key", "value"), TAKEN)
def test_these_are_taken(key: str, value: object) -> None:
    settings_of({key: value})


REFUSED: list[tuple[str, object]] = [
    ("JAFSEC_DATABASE_URL", ""),
    ("JAFSEC_DATABASE_URL", "x.db"),
    ("JAFSEC_DATABASE_URL", "mysql://u:canary@h/db"),
    ("JAFSEC_DATABASE_URL", "postgres://u:canary@h/db"),
    ("JAFSEC_DATABASE_URL", "postgresql:canary@h/db"),
    ("JAFSEC_DATABASE_URL", "sqlite:///x\0canary"),
    ("JAFSEC_DATABASE_URL", 5),
    ("JAFSEC_LIMITS_STORE", ""),
    ("JAFSEC_LIMITS_STORE", "database"),
    ("JAFSEC_LIMITS_STORE", "memory://"),
    ("JAFSEC_LIMITS_STORE", "memcached://canary"),
    ("JAFSEC_LIMITS_STORE", "cache:6379"),
    ("JAFSEC_LIMITS_STORE_OPTIONS", "socket_timeout=1"),
    ("JAFSEC_HEALTH_PATHS", ["health"]),
    ("JAFSEC_HEALTH_PATHS", ["/health*"]),
    ("JAFSEC_HEALTH_PATHS", ["/health?x"]),
    ("JAFSEC_HEALTH_PATHS", ["//host/health"]),
    ("JAFSEC_HEALTH_PATHS", ["/a/../b"]),
    ("JAFSEC_CONSOLE_NAME", ""),
    ("JAFSEC_CONSOLE_NAME", "n" * 61),
    ("JAFSEC_CONSOLE_NAME", "two\nlines"),
    ("JAFSEC_CONSOLE_NAME", 5),
    ("JAFSEC_CONSOLE_PREFIX", "/"),
    ("JAFSEC_CONSOLE_PREFIX", ""),
    ("JAFSEC_CONSOLE_PREFIX", "security"),
    ("JAFSEC_CONSOLE_PREFIX", "/security/"),
    ("JAFSEC_CONSOLE_PREFIX", "/se cure"),
    ("JAFSEC_CONSOLE_PREFIX", "/a/../b"),
    ("JAFSEC_CONSOLE_PREFIX", "/<path:x>"),
    ("JAFSEC_TRUSTED_HOSTS", ["https://example.com"]),
    ("JAFSEC_TRUSTED_HOSTS", ["*.example.com"]),
    ("JAFSEC_TRUSTED_HOSTS", ["Example.com"]),
    ("JAFSEC_TRUSTED_HOSTS", ["example.com/"]),
    ("JAFSEC_CSP", "default-src 'self'"),
    ("JAFSEC_CSP", {"Script-Src": "'self'"}),
    ("JAFSEC_CSP", {"script-src": "'self'; object-src *"}),
    ("JAFSEC_CSP", {"script-src": "'self', *"}),
    ("JAFSEC_CSP", {"script-src": "'self'\r\nSet-Cookie: a=b"}),
    ("JAFSEC_CSP", {"script-src": ["'self'", 5]}),
    ("JAFSEC_CSP", {"script-src": 5}),
    ("JAFSEC_CORS_METHODS", ["get"]),
    ("JAFSEC_CORS_METHODS", ["*"]),
    ("JAFSEC_CORS_HEADERS", ["*"]),
    ("JAFSEC_CORS_HEADERS", ["X A"]),
    ("JAFSEC_CORS_EXPOSE", ["X-A\r\nX-B"]),
    ("JAFSEC_ADDRESS_RATE", "often"),
    ("JAFSEC_REALM", 'a"b'),
    ("JAFSEC_REALM", "a\\b"),
    ("JAFSEC_REALM", "a\nb"),
]


@pytest.mark.parametrize(("key", "value"), REFUSED)
def test_these_are_refused_without_repeating_them(key: str, value: object) -> None:
    problem = only_problem({key: value})

    assert problem.key.startswith(key)
    assert "canary" not in str(problem)


def test_a_store_of_a_part_that_is_not_there_names_the_part() -> None:
    assert "abuse control" in only_problem({"JAFSEC_LIMITS_STORE": "database"}).what


def test_sources_of_a_directive_may_be_a_list() -> None:
    settings = settings_of({"JAFSEC_CSP": {"img-src": ["'self'", "data:"]}})

    assert settings.headers.content_security_policy == {"img-src": "'self' data:"}


def test_a_shared_store_without_its_client_is_a_problem_at_the_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "redis", None)

    problem = only_problem({"JAFSEC_LIMITS_STORE": "redis://localhost"})

    assert "not installed" in problem.what
    assert "flask-jafsec[redis]" in problem.instead


@pytest.mark.parametrize("scheme", ["valkey", "valkeys", "redis", "rediss"])
def test_valkey_goes_by_its_own_name_too(scheme: str) -> None:
    assert settings_of({"JAFSEC_LIMITS_STORE": f"{scheme}://h:1/0"}).limits.store.startswith(scheme)
