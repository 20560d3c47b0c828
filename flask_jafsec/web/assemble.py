"""Settings into services: the one place where things are put together."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from datetime import timedelta
from importlib import import_module
from typing import TYPE_CHECKING, Final

from flask import Flask

from flask_jafsec.audit.looking import Looks
from flask_jafsec.audit.sinks.log_line import JsonLog
from flask_jafsec.audit.trail import Trail
from flask_jafsec.clock import SystemClock
from flask_jafsec.config.loading import load
from flask_jafsec.config.settings import Settings
from flask_jafsec.encryption.keyring import Keyring, Purpose
from flask_jafsec.identity.access import Access
from flask_jafsec.identity.api_keys import ApiKeys
from flask_jafsec.identity.freshness import Freshness
from flask_jafsec.identity.key_listing import KeyLists
from flask_jafsec.identity.key_use import KeyUseCounter
from flask_jafsec.identity.passwords import Passwords
from flask_jafsec.identity.revocations import Revocations
from flask_jafsec.identity.roles import Roles
from flask_jafsec.identity.sessions import Sessions
from flask_jafsec.identity.token_keys import TokenKey, TokenKeys
from flask_jafsec.identity.tokens import Tokens
from flask_jafsec.identity.users import Users
from flask_jafsec.limiting.limiter import Limiter, keyed_hash
from flask_jafsec.limiting.local import LocalRates
from flask_jafsec.limiting.rates import Rate, parse_rate
from flask_jafsec.pipeline.recognised import Recognised
from flask_jafsec.pipeline.services import Services
from flask_jafsec.transport.cors import Cors
from flask_jafsec.transport.headers import ApiProfile
from flask_jafsec.web import forking, pages
from flask_jafsec.web.accounts import Accounts
from flask_jafsec.web.answers import Answers
from flask_jafsec.web.audit_log import AuditLog, extracts_of, integrity_of, make_trail, open_log
from flask_jafsec.web.declarations import Declarations, path_rule
from flask_jafsec.web.escaped import answer_escaped
from flask_jafsec.web.gate import Gate
from flask_jafsec.web.hooks import Hooks
from flask_jafsec.web.json_bodies import refuse_too_deep
from flask_jafsec.web.notices import say_what_to_know
from flask_jafsec.web.public_keys import serve_public_keys
from flask_jafsec.web.soundness import refuse_unsound
from flask_jafsec.web.state import State
from flask_jafsec.web.watch import IdentityCheck, StoreWatch

if TYPE_CHECKING:
    from flask_jafsec.protocols import Clock, Store
    from flask_jafsec.web.extension import Plugins

_log = logging.getLogger("flask_jafsec")

#: The role of the administrators of JafSecurity itself; it is there without configuration.
BUILT_IN_ROLES: Final[Mapping[str, frozenset[str]]] = {"jafsec_admin": frozenset({"jafsec:*"})}

#: Refresh tokens, bans and sessions are kept this long after their end, then forgotten.
PRUNE_AFTER_DAYS: Final = 7

#: How often a process looks for them, in seconds.
PRUNE_EVERY_S: Final = 3600.0


def assemble(app: Flask, plugins: Plugins) -> State:
    """Put everything together for *app*, wrap it in the gate, register hooks, commands, console.

    Raises:
        DeclarationError: A route was declared in a way that cannot work.
        SettingsError: The configuration cannot be used.
    """
    settings = load(
        app.config,
        os.environ,
        app_name=app.import_name,
        instance_path=app.instance_path,
        debug=app.debug,
        testing=app.testing,
    )
    state, accounts = _build(app, settings, plugins)
    refuse_unsound(app, state.declarations)
    _wrap(app, state)
    accounts.offer_login_manager()
    refuse_too_deep(app)
    say_what_to_know(settings)
    return state


def _build(app: Flask, settings: Settings, plugins: Plugins) -> tuple[State, Accounts]:
    clock = plugins.clock or SystemClock()
    store = plugins.store or _store(settings)
    keyring = Keyring([(key.id, key.material) for key in settings.root_keys], settings.app_id)
    log = _audit_log(settings, keyring, store)
    lines = _lines(settings, plugins)
    sinks = plugins.sinks if plugins.sinks is not None else [lines] if lines else []
    trail = make_trail(settings, log, store, sinks, clock) if log else Trail(store, sinks, clock)
    freshness = Freshness(store.epoch, clock, note=StoreWatch(trail, clock).note)
    built_in = {**settings.roles, **BUILT_IN_ROLES}
    roles = Roles(store, trail, clock, built_in)
    access = Access(store, built_in, clock, load_roles=plugins.load_roles)
    tokens = _tokens(settings, keyring, store, trail, clock)
    keys = ApiKeys(
        store,
        trail,
        keyring,
        clock,
        access,
        environment=settings.environment,
        check_rate=parse_rate,
    )
    key_use = KeyUseCounter(store)
    sessions = Sessions(
        store,
        trail,
        clock,
        idle_s=settings.session_idle_s,
        lifetime_s=settings.session_lifetime_s,
    )
    accounts = Accounts(app, sessions, access, freshness)
    limits = settings.limits
    services = Services(
        clock=clock,
        trail=trail,
        tokens=tokens,
        keys=keys,
        key_use=key_use,
        access=access,
        revocations=Revocations(store, clock, longest_s=tokens.longest_s),
        freshness=freshness,
        recognised=Recognised(),
        limiter=_limiter(settings, keyring, clock) if limits.enabled else None,
        address_rate=parse_rate(limits.address_rate)
        if limits.enabled and limits.address_rate
        else None,
        address_rates=_local_rates(clock),
        cors=Cors(settings.cors) if settings.cors.origins is not None else None,
        find_session=accounts.find_session,
        https_redirect=settings.headers.https_redirect,
        health_paths=frozenset(settings.health_paths),
        realm=settings.realm,
        trusted_hosts=settings.trusted_hosts,
        private_prefix=f"{settings.console_prefix}/" if settings.console_enabled else "",
    )
    state = State(
        settings=settings,
        store=store,
        audit_log=log,
        integrity=integrity_of(log, trail, clock, settings.audit.anchors) if log else None,
        extracts=extracts_of(log, trail, clock) if log else None,
        looks=Looks(trail.record, clock),
        lines=lines,
        keyring=keyring,
        services=services,
        declarations=Declarations(
            app,
            [path_rule(rule.pattern, rule.declares) for rule in settings.routes],
            _named_rates(settings),
        ),
        tokens=tokens,
        keys=keys,
        key_lists=KeyLists(store, clock, _cursor_keys(keyring)),
        roles=roles,
        users=Users(
            store, trail, Passwords(), clock, keyring, roles, access, end_tokens=tokens.end_all
        ),
        sessions=sessions,
    )
    return state, accounts


def _audit_log(settings: Settings, keyring: Keyring, store: Store) -> AuditLog | None:
    """Return the durable log; a store of somebody's own, as in tests, keeps none."""
    from flask_jafsec.stores.sql.audit.store import SqlAuditStore
    from flask_jafsec.stores.sql.store import SqlStore

    return (
        open_log(settings, keyring, SqlAuditStore(store)) if isinstance(store, SqlStore) else None
    )


def _cursor_keys(keyring: Keyring) -> list[bytes]:
    return [keyring.derive(Purpose.CURSOR, root) for root in keyring.root_ids]


def _store(settings: Settings) -> Store:
    from flask_jafsec.stores.sql.store import SqlStore

    return SqlStore(settings.database_url)


def _lines(settings: Settings, plugins: Plugins) -> JsonLog | None:
    if plugins.sinks is not None or not settings.log_enabled:
        return None
    return JsonLog(level=settings.log_level)


def _tokens(
    settings: Settings, keyring: Keyring, store: Store, trail: Trail, clock: Clock
) -> Tokens:
    said = settings.tokens
    keys = TokenKeys.assembled(
        configured=[TokenKey.from_text(key.kid, key.text, key.algorithm) for key in said.keys],
        guide_secret=said.guide_secret,
        derived={root: keyring.derive(Purpose.TOKEN_HS, root) for root in keyring.root_ids},
    )
    return Tokens(
        keys,
        store,
        trail,
        clock,
        issuer=said.issuer,
        audience=said.audience,
        refresh_keys=[keyring.derive(Purpose.REFRESH_INDEX, root) for root in keyring.root_ids],
        lifetime_s=said.lifetime_s,
        refresh_lifetime_s=said.refresh_lifetime_s,
        leeway_s=said.leeway_s,
        max_age_s=said.max_age_s,
    )


def _limiter(settings: Settings, keyring: Keyring, clock: Clock) -> Limiter:
    limits = settings.limits
    named = _named_rates(settings)
    if limits.store == "memory":
        return Limiter(_local_rates(clock), named)
    from flask_jafsec.web.limits import SharedRates

    # Other programs may read the shared store: no address and no subject stands there in clear.
    secret = keyring.derive(Purpose.LIMITER_KEY, keyring.active)
    shared = SharedRates(limits.store, limits.store_options, prefix=f"jafsec:{settings.app_id}")
    return Limiter(shared, named, key_hash=keyed_hash(secret))


def _named_rates(settings: Settings) -> Mapping[str, Rate]:
    return {name: parse_rate(text) for name, text in settings.limits.named.items()}


def _local_rates(clock: Clock) -> LocalRates:
    rates = LocalRates(clock.monotonic)
    forking.watch(rates)
    return rates


def _wrap(app: Flask, state: State) -> None:
    """Put the gate around *app* and register the hooks: from here on requests are judged."""
    settings, services = state.settings, state.services
    answers = Answers(
        realm=settings.realm,
        profile=ApiProfile(settings.headers) if settings.headers.enabled else None,
        cors=services.cors,
        private_prefix=services.private_prefix,
        finish_page=pages.install(app, settings.headers),
    )
    gate = Gate(app.wsgi_app, services, answers)
    Hooks(app, gate, services, answers, state.declarations).register()
    answer_escaped(app, services, answers)
    if settings.trusted_hosts and not app.config.get("TRUSTED_HOSTS"):
        app.config["TRUSTED_HOSTS"] = list(settings.trusted_hosts)
    forking.watch(gate.request_ids)
    app.wsgi_app = gate  # type: ignore[method-assign]
    services.trail.add_chore(_chores(state))
    serve_public_keys(app, state.tokens.keys)
    # By name, as the console: an edge that the core does not import. `flask` finds the group by
    # its entry point; this is for an app's own runner, which looks nowhere else.
    app.cli.add_command(import_module("flask_jafsec.cli").group)
    if settings.console_enabled:
        # By name: the console is an edge, and the core never imports it (import contract).
        import_module("flask_jafsec_console").mount(app, settings.console_prefix)


def _chores(state: State) -> Callable[[bool], None]:
    """Return what the trail's writer does beside writing: counts of keys, and old rows."""
    services = state.services
    next_prune = [0.0]
    identity = IdentityCheck(state.store, state.keyring, services.trail, services.clock)

    def chore(last: bool) -> None:
        now = services.clock.time()
        if last:
            services.key_use.flush_all(now)
            return
        services.key_use.flush(now)
        identity.run()
        if now >= next_prune[0]:
            next_prune[0] = now + PRUNE_EVERY_S
            before = services.clock.now() - timedelta(days=PRUNE_AFTER_DAYS)
            with state.store.writing() as tables:
                tables.tokens.prune(before)
                tables.sessions.prune(before)

    return chore
