"""What JafSecurity keeps for one app."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask_jafsec.audit.extracts import Extracts
    from flask_jafsec.audit.integrity import Integrity
    from flask_jafsec.audit.looking import Looks
    from flask_jafsec.audit.sinks.log_line import JsonLog
    from flask_jafsec.config.settings import Settings
    from flask_jafsec.encryption.keyring import Keyring
    from flask_jafsec.identity.api_keys import ApiKeys
    from flask_jafsec.identity.key_listing import KeyLists
    from flask_jafsec.identity.roles import Roles
    from flask_jafsec.identity.sessions import Sessions
    from flask_jafsec.identity.tokens import Tokens
    from flask_jafsec.identity.users import Users
    from flask_jafsec.pipeline.services import Services
    from flask_jafsec.protocols import Store
    from flask_jafsec.web.audit_log import AuditLog
    from flask_jafsec.web.declarations import Declarations


@dataclass(frozen=True, slots=True)
class State:
    """The services of one app, and what the steps of its line work with."""

    settings: Settings
    store: Store
    audit_log: AuditLog | None
    """None where the store keeps no log."""
    integrity: Integrity | None
    """How the log stands; None where there is no log, as for ``extracts``."""
    extracts: Extracts | None
    looks: Looks
    lines: JsonLog | None
    """Where events go as lines on standard error; None where that is off, or others were named."""
    keyring: Keyring
    services: Services
    declarations: Declarations
    tokens: Tokens
    keys: ApiKeys
    key_lists: KeyLists
    roles: Roles
    users: Users
    sessions: Sessions
