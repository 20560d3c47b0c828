"""No secret in any message, repr or traceback, whatever line it was pasted into."""

import base64
import traceback
from dataclasses import fields, is_dataclass
from pathlib import Path

import pytest

from flask_jafsec.config.known import KNOWN
from flask_jafsec.config.loading import load
from flask_jafsec.config.settings import Settings
from flask_jafsec.errors import SettingsError
from tests.config.loaded import ROOT_KEY, made_hex, made_key, private_file

GUIDES = ["CORS_CREDENTIALS", "CORS_ORIGINS", "JWT_EXPIRY_SECONDS", "JWT_SECRET_KEY", "LOG_LEVEL"]
GUIDES += ["MAX_REQUESTS_PER_MINUTE", "RATE_LIMIT_ENABLED", "SECURITY_HEADERS_ENABLED"]
GUIDES += ["SECURITY_LOGGING_ENABLED"]


def error_of(config: dict[str, object], environ: dict[str, str]) -> SettingsError | None:
    about = {"app_name": "shop", "instance_path": "/srv"}
    try:
        load(config, environ, **about, debug=False, testing=False)
    except SettingsError as error:
        return error
    return None


def everything_shown(error: SettingsError) -> str:
    """Return all that a log, a tracker or a rich traceback would hold, except our own frame."""
    assert error.__traceback__ is not None
    frames = error.__traceback__.tb_next
    found = traceback.TracebackException(
        type(error), error, frames, capture_locals=True, compact=False
    )
    return "".join([str(error), repr(error), repr(error.problems), *found.format()])


def looks_of(canary: str) -> list[str]:
    raw = canary.encode()
    return [canary, base64.b64encode(raw).decode().rstrip("="), raw.hex(), repr(raw)]


#: Secrets in the forms that secrets have.
CANARIES = {
    "random": f"r9:{made_key('canary')}#",
    "password": "s3cr3t-c4n4ry",
    "address": "mysql://admin:s3cr3t-c4n4ry@db/x?y=z",
    "JSON": '{"s3cr3t-c4n4ry": "s3cr3t-c4n4ry"',
    "PEM": "-----BEGIN PRIVATE KEY-----\ns3cr3tc4n4ry\n-----END PRIVATE KEY-----",
    "JWK": '{"kty": "oct", "k": "s3cr3tc4n4ry"}',
}
PARTS = {"random": made_key("canary"), "PEM": "s3cr3tc4n4ry", "JWK": "s3cr3tc4n4ry"}


@pytest.mark.parametrize("kind", CANARIES)
@pytest.mark.parametrize("key", [*KNOWN, *GUIDES, "JAFSEC_UNKNOWN"])
def test_a_secret_in_any_line_is_never_shown(key: str, kind: str) -> None:
    canary, part = CANARIES[kind], PARTS.get(kind, "s3cr3t-c4n4ry")
    good = {} if key.startswith("JAFSEC_ROOT_KEYS") else {"JAFSEC_ROOT_KEYS": ROOT_KEY}

    for config, environ in (
        ({key: canary}, good),
        ({key: [canary]}, good),
        ({}, {**good, key: canary}),
    ):
        # Something else is wrong too, so that there always is an error to look at.
        error = error_of({**config, "JAFSEC_WRONG": canary}, environ)

        assert error is not None
        assert all(each not in everything_shown(error) for each in looks_of(part))
        assert error.__cause__ is error.__context__ is None


def test_a_good_root_key_is_not_shown_when_another_line_is_wrong() -> None:
    error = error_of({"JAFSEC_LOG_LEVEL": "loud"}, {"JAFSEC_ROOT_KEYS": ROOT_KEY})

    assert error is not None
    material = base64.b64decode(ROOT_KEY[3:])
    for shown in (ROOT_KEY[3:], repr(material)[2:-1], material.hex()):
        assert shown not in everything_shown(error)


def test_a_secret_in_a_file_is_not_shown(tmp_path: Path) -> None:
    file = private_file(tmp_path, "root.keys", "r1:s3cr3t-c4n4ry\nc4n4ry-two")

    error = error_of({"JAFSEC_ROOT_KEYS_FILE": str(file)}, {})

    assert error is not None
    assert "c4n4ry" not in everything_shown(error)


def parts_of(value: object) -> list[object]:
    """Return *value*, its parts, and theirs."""
    found = [value]
    if is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            found += parts_of(getattr(value, field.name))
    elif isinstance(value, tuple):
        for part in value:
            found += parts_of(part)
    return [part for part in found if is_dataclass(part)]


def full_settings() -> Settings:
    return load(
        {
            "JAFSEC_DATABASE_URL": "postgresql://u:c4n4ry@db/x",
            "JAFSEC_LIMITS_STORE": "redis://u:c4n4ry@r/0",
            "JAFSEC_LIMITS_STORE_OPTIONS": {"password": "c4n4ry"},
            "JAFSEC_TOKEN_KEYS": {"k1": {"kty": "oct", "k": f"c4n4ry{made_hex('x')[:58]}"}},
        },
        {"JAFSEC_ROOT_KEYS": ROOT_KEY, "JWT_SECRET_KEY": "c4n4ry" + made_key("y")},
        app_name="shop",
        instance_path="/srv",
        debug=False,
        testing=False,
    )


def test_no_part_of_the_settings_shows_a_secret() -> None:
    parts = parts_of(full_settings())
    names = {type(part).__name__ for part in parts}
    material = repr(base64.b64decode(ROOT_KEY[3:]))

    assert {"Settings", "RootKey", "TokenSettings", "TokenKeySource", "LimitSettings"} <= names
    for part in parts:
        assert "c4n4ry" not in repr(part)
        assert "c4n4ry" not in f"{part}"
        assert material not in repr(part)
        assert made_key("one") not in repr(part)
