"""The reference pages name exactly what the code has, so they cannot drift from it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import click
import pytest

from flask_jafsec import errors
from flask_jafsec.cli import group
from flask_jafsec.config import guide
from flask_jafsec.config.known import KNOWN
from flask_jafsec.errors import JafsecError, Refusal
from flask_jafsec.events import EventType
from flask_jafsec.pipeline.policy import NOT_YET
from tests.config.loaded import settings_of
from tests.docs.blocks import ROOT, code_in, rows_of, sections_of

DOCS = ROOT / "docs"

#: Not raised by themselves: what the others are kinds of, and how a step ends the line.
ABSTRACT = {"Answered", "Halt", "JafsecError", "Refusal"}

#: Where the value of a setting stands, for those whose default is one value.
PLACES = {
    "JAFSEC_ADDRESS_RATE": "limits.address_rate",
    "JAFSEC_CONSOLE_ENABLED": "console_enabled",
    "JAFSEC_CONSOLE_NAME": "console_name",
    "JAFSEC_CONSOLE_PREFIX": "console_prefix",
    "JAFSEC_CORS_CREDENTIALS": "cors.credentials",
    "JAFSEC_CORS_MAX_AGE_S": "cors.max_age_s",
    "JAFSEC_ENVIRONMENT": "environment",
    "JAFSEC_HEADERS_ENABLED": "headers.enabled",
    "JAFSEC_HSTS_MAX_AGE_S": "headers.hsts_max_age_s",
    "JAFSEC_HSTS_SUBDOMAINS": "headers.hsts_subdomains",
    "JAFSEC_HTTPS_REDIRECT": "headers.https_redirect",
    "JAFSEC_LIMITS_ENABLED": "limits.enabled",
    "JAFSEC_LIMITS_STORE": "limits.store",
    "JAFSEC_LOG_ENABLED": "log_enabled",
    "JAFSEC_LOG_LEVEL": "log_level",
    "JAFSEC_REALM": "realm",
    "JAFSEC_SESSION_IDLE_S": "session_idle_s",
    "JAFSEC_SESSION_LIFETIME_S": "session_lifetime_s",
    "JAFSEC_TOKEN_LEEWAY_S": "tokens.leeway_s",
    "JAFSEC_TOKEN_LIFETIME_S": "tokens.lifetime_s",
    "JAFSEC_TOKEN_MAX_AGE_S": "tokens.max_age_s",
    "JAFSEC_TOKEN_REFRESH_LIFETIME_S": "tokens.refresh_lifetime_s",
}


def _rows(page: str) -> list[list[str]]:
    return rows_of((DOCS / page).read_text(encoding="utf-8"))


def _setting_rows() -> dict[str, list[str]]:
    return {code_in(row[0]): row for row in _rows("settings.md") if "`JAFSEC_" in row[0]}


def test_the_settings_are_exactly_those_there_are() -> None:
    assert sorted(_setting_rows()) == sorted(KNOWN)


@pytest.mark.parametrize("key", sorted(PLACES))
def test_the_default_of_a_setting_is_the_one_in_force(key: str) -> None:
    value: object = settings_of()
    for name in PLACES[key].split("."):
        value = getattr(value, name)

    assert code_in(_setting_rows()[key][2]) == (
        str(value).lower() if isinstance(value, bool) else str(value)
    )


def test_the_guides_names_are_exactly_those_that_are_understood() -> None:
    told = {code_in(row[0]): row[1] for row in rows_of(sections_of(DOCS / "settings.md")[GUIDES])}
    told.pop("", None)
    understood = {theirs: ours for ours, theirs in guide.SAME.items()}

    assert told.keys() == {*understood, guide.SECRET, guide.PER_MINUTE, *guide.IGNORED}
    assert {name: code_in(told[name]) for name in understood} == understood


GUIDES = "The guide's names"


def _kinds(of: type[JafsecError]) -> list[type[JafsecError]]:
    found = [getattr(errors, name) for name in errors.__all__ if name not in ABSTRACT]
    return [kind for kind in found if issubclass(kind, of)]


def test_the_refusals_are_exactly_those_there_are_with_their_status() -> None:
    told = rows_of(sections_of(DOCS / "errors.md")["What a refused caller sees"])[1:]

    kinds = [kind for kind in _kinds(Refusal) if issubclass(kind, Refusal)]
    assert {code_in(row[0]): row[1] for row in told} == {
        kind.code: str(kind.status) for kind in kinds
    }


def test_the_errors_are_exactly_those_there_are() -> None:
    told = rows_of(sections_of(DOCS / "errors.md")["What services raise"])[1:]
    kinds = [kind for kind in _kinds(JafsecError) if not issubclass(kind, Refusal)]

    assert {(code_in(row[0]), code_in(row[1])) for row in told} == {
        (kind.code, kind.__name__) for kind in kinds
    }


def test_the_events_are_exactly_those_there_are_with_their_class() -> None:
    told = rows_of(sections_of(DOCS / "events.md")["All events"])[1:]

    assert {code_in(row[0]): row[1] for row in told} == {
        event.value: event.event_class.value for event in EventType
    }


def test_events_that_nothing_writes_are_marked_as_reserved() -> None:
    told = rows_of(sections_of(DOCS / "events.md")["All events"])[1:]
    reserved = {code_in(row[0]) for row in told if row[2].startswith("Reserved")}
    code = _code_but("flask_jafsec/events.py")
    unwritten = {event.value for event in EventType if f"EventType.{event.name}" not in code}

    assert reserved == unwritten


@pytest.mark.parametrize(
    ("page", "heading"), [("tokens.md", "What goes wrong"), ("api-keys.md", "What goes wrong")]
)
def test_every_reason_that_is_named_is_one_the_code_gives(page: str, heading: str) -> None:
    rows = rows_of(sections_of(DOCS / page)[heading])[1:]
    named = [reason for row in rows for reason in re.findall(r"`([a-z_]+)`", row[0])]
    code = _code_but("")

    assert named
    assert [reason for reason in named if f'"{reason}"' not in code] == []


def _code_but(left_out: str) -> str:
    files = sorted((ROOT / "flask_jafsec").rglob("*.py"))
    kept = [file for file in files if not left_out or file != ROOT / left_out]
    return "\n".join(file.read_text(encoding="utf-8") for file in kept)


def test_what_comes_later_is_named_where_routes_are_explained() -> None:
    text = (DOCS / "routes.md").read_text(encoding="utf-8")

    assert [name for name in NOT_YET if f"`{name}`" not in text] == []


def _commands(of: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    for name, command in of.commands.items():
        if isinstance(command, click.Group):
            yield from _commands(command, (*path, name))
        else:
            yield " ".join((*path, name)), command


def _usage(path: str, command: click.Command) -> str:
    arguments = [param for param in command.params if isinstance(param, click.Argument)]
    words = [(param.name or "").upper() + "..." * (param.nargs == -1) for param in arguments]
    return " ".join([path, *words])


def test_the_commands_are_exactly_those_there_are_with_their_options() -> None:
    told = rows_of(sections_of(DOCS / "cli.md")["The command line"])[1:]

    assert {code_in(row[0]): sorted(re.findall(r"--[a-z-]+", row[1])) for row in told} == {
        _usage(path, command): sorted(
            option
            for param in command.params
            if isinstance(param, click.Option)
            for option in param.opts
        )
        for path, command in _commands(group)
    }
