"""Every setting there is, by name. What a value may be stands with its parser."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Final

from flask_jafsec.errors import Problem

PREFIX: Final = "JAFSEC_"

#: Name -> what it sets, in the words of the reference page.
KNOWN: Final[Mapping[str, str]] = {
    "JAFSEC_ADDRESS_RATE": "the one rate per address, before anything else is looked at",
    "JAFSEC_ANCHORS": "where the audit log's signed sizes go",
    "JAFSEC_APP_ID": "the application's name in every derived key and in the log",
    "JAFSEC_AUDIT_EXPORTS": "where events go besides: files, syslog, HTTP collectors",
    "JAFSEC_AUDIT_EXPORT_TOKEN": "the bearer token of the HTTP collector",
    "JAFSEC_AUDIT_WAIT": "which answers wait until their event is durable",
    "JAFSEC_CONSOLE_ENABLED": "whether the console is served",
    "JAFSEC_CONSOLE_NAME": "what the console calls the application",
    "JAFSEC_CONSOLE_PREFIX": "the path the console is served under",
    "JAFSEC_CORS_CREDENTIALS": "whether pages of the allowed origins may send cookies",
    "JAFSEC_CORS_EXPOSE": "response headers that pages of other origins may read",
    "JAFSEC_CORS_HEADERS": "request headers that pages of other origins may send",
    "JAFSEC_CORS_MAX_AGE_S": "how long a browser may remember a preflight, in seconds",
    "JAFSEC_CORS_METHODS": "methods that pages of other origins may use",
    "JAFSEC_CORS_ORIGINS": "other origins whose pages may call",
    "JAFSEC_CSP": "directives that replace those of the page profile",
    "JAFSEC_DATABASE_URL": "the database",
    "JAFSEC_ENVIRONMENT": "live or test: which API keys are accepted and minted",
    "JAFSEC_HEADERS_ENABLED": "whether security headers are set",
    "JAFSEC_HEALTH_PATHS": "paths that are never redirected and never limited at the gate",
    "JAFSEC_HSTS_MAX_AGE_S": "how long browsers must insist on https, in seconds",
    "JAFSEC_HSTS_SUBDOMAINS": "whether that holds for subdomains too",
    "JAFSEC_HTTPS_REDIRECT": "whether plain http is redirected to https",
    "JAFSEC_LIMITS": "named rates",
    "JAFSEC_LIMITS_ENABLED": "whether rates are applied",
    "JAFSEC_LIMITS_STORE": "where rates are kept",
    "JAFSEC_LIMITS_STORE_OPTIONS": "further options of that store",
    "JAFSEC_LOG_ENABLED": "whether events are logged",
    "JAFSEC_LOG_LEVEL": "the least severe level that is logged",
    "JAFSEC_PUBLIC_HOST": "the host the application is known by; part of the audit log's name",
    "JAFSEC_REALM": "what WWW-Authenticate names",
    "JAFSEC_ROLES": "roles and what they may do",
    "JAFSEC_ROOT_KEYS": "the root keys, newest first",
    "JAFSEC_ROOT_KEYS_FILE": "a file that holds the root keys",
    "JAFSEC_ROUTES": "declarations for views one cannot touch, by path",
    "JAFSEC_SESSION_IDLE_S": "how long a session may be idle, in seconds",
    "JAFSEC_SESSION_LIFETIME_S": "how long a session may last, in seconds",
    "JAFSEC_SPOOL_DIR": "where events are kept while the database does not answer",
    "JAFSEC_TOKEN_AUDIENCE": "whom tokens are meant for",
    "JAFSEC_TOKEN_ISSUER": "who tokens say they are from",
    "JAFSEC_TOKEN_KEYS": "keys that sign and verify tokens, newest first",
    "JAFSEC_TOKEN_LEEWAY_S": "how far clocks may differ, in seconds",
    "JAFSEC_TOKEN_LIFETIME_S": "how long an access token lasts, in seconds",
    "JAFSEC_TOKEN_MAX_AGE_S": "how old a token may be, whatever it says itself, in seconds",
    "JAFSEC_TOKEN_REFRESH_LIFETIME_S": "how long a refresh token lasts, in seconds",
    "JAFSEC_TRUSTED_HOSTS": "host names this application answers to",
}


def unknown_names(names: Iterable[str]) -> list[Problem]:
    """Return a problem for every name that has our prefix and is no setting."""
    strange = {name for name in names if name.startswith(PREFIX) and name not in KNOWN}
    return [Problem(name, "is not a setting", _nearest(name)) for name in sorted(strange)]


def _nearest(name: str) -> str:
    found = difflib.get_close_matches(name, KNOWN, n=1, cutoff=0.6)
    if not found:
        return "Remove it; the reference page of the settings lists every name."
    return f"Did you mean {found[0]} ({KNOWN[found[0]]})?"
