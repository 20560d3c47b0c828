"""Mappings into ``Settings``: the order of things, and what must fit together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from flask_jafsec.config import places, sections
from flask_jafsec.config.audit import audit
from flask_jafsec.config.parsing import boolean, matching, one_of
from flask_jafsec.config.roles import roles
from flask_jafsec.config.root_keys import take_root_keys
from flask_jafsec.config.routes import routes_with
from flask_jafsec.config.settings import Settings
from flask_jafsec.config.sources import Given, Sources
from flask_jafsec.errors import SettingsError

#: Python's own, by name; the log maps our severities on them.
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")

#: The parts of a derivation are separated by U+0000; this keeps the id readable as well.
_app_id = matching(
    r"[A-Za-z0-9_][A-Za-z0-9_.:/-]{0,99}",
    "up to 100 letters, digits and _ . : / - (not first), such as shop",
)


def load(
    config: Mapping[str, object],
    environ: Mapping[str, str],
    *,
    app_name: str,
    instance_path: str,
    debug: bool,
    testing: bool,
) -> Settings:
    """Return the settings given in *config*, else in *environ*, else there under guide names.

    Args:
        app_name: The application's import name, its id unless ``JAFSEC_APP_ID`` says another.
        instance_path: Where the default database lies, and what paths of files are relative to.
        testing: In tests and in debug a missing root key is made up.

    Raises:
        SettingsError: With everything that is wrong, and no secret's value.
    """
    sources = Sources(config, environ)
    # Error trackers and rich tracebacks show local variables: these two hold every secret.
    del config, environ
    settings = _settings(sources, app_name, instance_path, debug=debug, testing=testing)
    if not sources.problems:
        return settings
    # The same goes for a secret that was pasted into a line which is shown, such as the issuer.
    del settings
    raise SettingsError(sources.problems)


def _settings(
    sources: Sources, app_name: str, instance_path: str, *, debug: bool, testing: bool
) -> Settings:
    root_keys, made_up = take_root_keys(sources, instance_path, may_make_up=debug or testing)
    app_id = _identify(sources, app_name)
    limits = sections.limits(sources)
    default_url = places.default_database_url(instance_path)
    settings = Settings(
        app_id=app_id,
        root_keys=root_keys,
        root_keys_made_up=made_up,
        environment=sources.take("JAFSEC_ENVIRONMENT", one_of(("live", "test")), "live"),
        debug=debug,
        database_url=sources.take("JAFSEC_DATABASE_URL", places.database_url, default_url),
        tokens=sections.tokens(sources, app_id, instance_path),
        limits=limits,
        cors=sections.cors(sources),
        headers=sections.headers(sources),
        audit=audit(sources, app_id, instance_path),
        roles=sources.take("JAFSEC_ROLES", roles, MappingProxyType({})),
        routes=sources.take("JAFSEC_ROUTES", routes_with(limits.named), ()),
    )
    return _with_names(sources, _with_people(sources, _with_web(sources, settings)))


def _identify(sources: Sources, app_name: str) -> str:
    """Return the app id; an import name that cannot be one is a problem of the setting."""
    given = sources.find("JAFSEC_APP_ID") or Given("JAFSEC_APP_ID", app_name)
    return sources.parsed(given, _app_id, "")


def _with_web(sources: Sources, base: Settings) -> Settings:
    return replace(
        base,
        health_paths=sources.take("JAFSEC_HEALTH_PATHS", places.paths, base.health_paths),
        trusted_hosts=sources.take("JAFSEC_TRUSTED_HOSTS", places.hosts, base.trusted_hosts),
        realm=sources.take("JAFSEC_REALM", places.realm, base.realm),
        log_enabled=sources.take("JAFSEC_LOG_ENABLED", boolean, base.log_enabled),
        log_level=sources.take("JAFSEC_LOG_LEVEL", one_of(LEVELS), base.log_level),
    )


def _with_people(sources: Sources, base: Settings) -> Settings:
    idle_s, lifetime_s = sections.session_times(
        sources, idle_s=base.session_idle_s, lifetime_s=base.session_lifetime_s
    )
    return replace(
        base,
        console_enabled=sources.take("JAFSEC_CONSOLE_ENABLED", boolean, base.console_enabled),
        console_name=sources.take("JAFSEC_CONSOLE_NAME", places.title, base.console_name),
        console_prefix=sources.take("JAFSEC_CONSOLE_PREFIX", places.prefix, base.console_prefix),
        session_idle_s=idle_s,
        session_lifetime_s=lifetime_s,
    )


def _with_names(sources: Sources, base: Settings) -> Settings:
    """Add which of the guide's names were met; last, when everything has been read."""
    return replace(
        base,
        fallbacks_used=sources.fallbacks_used,
        fallbacks_ignored=sources.fallbacks_ignored,
    )
