"""From the text of an API key to what it may do now. Keys are made and ended in api_keys.py."""

from __future__ import annotations

import contextlib
import hmac
import math
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

from flask_jafsec.errors import KeyElsewhere, KeyEnded, KeyInvalid, StoreUnavailable, UserDisabled
from flask_jafsec.identity.access import Access
from flask_jafsec.identity.key_format import ParsedKey, parse
from flask_jafsec.identity.permissions import intersect
from flask_jafsec.identity.remembered import Remembered
from flask_jafsec.protocols import Derive, Store
from flask_jafsec.records import ApiKey, Environment

#: The purpose under which whole keys are hashed. Source: answers.md, "Purposes of the root key".
PURPOSE: Final = "apikey-index"

#: How many keys are remembered in one process. An entry is about 1 kB.
MAX_REMEMBERED: Final = 10_000

DIGEST_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class KeyMatch:
    """A genuine, current key and what its bearer may do now."""

    key: ApiKey
    permissions: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Known:
    """A genuine key as it stood in one generation."""

    match: KeyMatch = field(repr=False)
    until: float
    """Seconds since 1970 from which it has ended; minus infinity once revoked."""
    networks: tuple[IPv4Network | IPv6Network, ...]


def digest_of(text: str, derive: Derive, root_id: str) -> bytes:
    """Return the keyed hash under which a whole key is stored.

    A stolen table is of no use without the root key. The secret is random, so a slow hash would
    only cost time. Source: RFC 2104; NIST SP 800-63B section 5.1.2.2 (look-up secrets).
    """
    return hmac.digest(derive.derive(PURPOSE, root_id), text.encode("ascii"), "sha256")


class KeyMatcher:
    """Finds the key a text proves, and remembers it.

    What is remembered counts in one generation: a revoked or changed key is read anew. Its times
    and networks are compared on every use, so a key ends on time in every process.

    Args:
        environment: Whose keys are accepted.
    """

    def __init__(
        self,
        store: Store,
        derive: Derive,
        access: Access,
        *,
        environment: Environment,
        max_remembered: int = MAX_REMEMBERED,
    ) -> None:
        self._store = store
        self._derive = derive
        self._access = access
        self._environment = environment
        self._known: Remembered[_Known] = Remembered(max_remembered)
        # Nobody knows a text with this digest: unknown ids are compared with it.
        self._dummy = secrets.token_bytes(DIGEST_BYTES)

    def match(self, text: str, *, client: str, now: float, generation: int) -> KeyMatch:
        """Return the key of *text* and its effective permissions.

        Args:
            client: The caller's address.
            now: Seconds since 1970 UTC.
            generation: The epoch up to which remembered things count.

        Raises:
            KeyEnded: Genuine once: ``key_revoked``, ``key_rotated``, ``key_expired``, or
                ``user_disabled`` (its owner is).
            KeyInvalid: ``key_malformed``, ``key_checksum``, ``key_environment`` (none of these
                touches the store), ``key_unknown``, ``key_wrong_secret``, ``key_root_missing``
                (hashed under a root key that is not configured any more), or as KeyElsewhere
                ``key_network``.
            StoreUnavailable: It cannot be known now.
        """
        known = self._known.find(text, generation)
        if known is None:
            known = self._verified(text)
            self._known.keep(text, generation, known)
        match = known.match
        key = match.key
        if now >= known.until:
            raise KeyEnded(_end_of(key, now), key.id)
        if known.networks and not is_within(client, known.networks):
            raise KeyElsewhere(key.id)
        if not key.owner:
            return match
        try:
            held = self._access.permissions_of(key.owner, generation)
        except UserDisabled as error:
            raise KeyEnded(error.reason, key.id) from None
        return KeyMatch(key, intersect(held, key.scopes))

    def _verified(self, text: str) -> _Known:
        parsed = parse(text)
        if parsed.environment is not self._environment:
            raise KeyInvalid("key_environment")
        with self._store.reading() as tables:
            key = tables.keys.find(parsed.id)
        key = self._proved(parsed, key)
        if key.root_id != self._derive.active:
            key = self._index_again(parsed, key)
        networks = tuple(ip_network(network) for network in key.networks)
        return _Known(KeyMatch(key, key.scopes), _until(key), networks)

    def _proved(self, parsed: ParsedKey, key: ApiKey | None) -> ApiKey:
        """Return *key* if *parsed* holds its secret; the same work where there is no such key."""
        has_root = key is not None and key.root_id in self._derive.root_ids
        root_id = key.root_id if key is not None and has_root else self._derive.active
        digest = digest_of(parsed.text, self._derive, root_id)
        is_same = hmac.compare_digest(digest, key.digest if key is not None else self._dummy)
        if key is None:
            raise KeyInvalid("key_unknown")
        if not has_root:
            raise KeyInvalid("key_root_missing", key_id=key.id)
        if not is_same:
            raise KeyInvalid("key_wrong_secret", key_id=key.id)
        return key

    def _index_again(self, parsed: ParsedKey, key: ApiKey) -> ApiKey:
        """Hash the key under the active root key, so that the older one can be let go of."""
        root_id = self._derive.active
        digest = digest_of(parsed.text, self._derive, root_id)
        # A database that cannot be written now forgoes it; a later use tries again.
        with contextlib.suppress(StoreUnavailable), self._store.writing() as tables:
            # Puts this transaction in one order with revoking, which it must not undo.
            tables.raise_epoch()
            present = tables.keys.find(key.id)
            if present is not None and present.digest == key.digest:
                tables.keys.replace(replace(present, digest=digest, root_id=root_id))
        return key


def _until(key: ApiKey) -> float:
    if key.revoked_at is not None:
        return -math.inf
    ends = [at.timestamp() for at in (key.ends_at, key.expires_at) if at is not None]
    return min(ends, default=math.inf)


def _end_of(key: ApiKey, now: float) -> str:
    if key.revoked_at is not None:
        return "key_revoked"
    if key.ends_at is not None and now >= key.ends_at.timestamp():
        return "key_rotated"
    return "key_expired"


def is_within(client: str, networks: Iterable[IPv4Network | IPv6Network]) -> bool:
    """Return whether an address is in one of *networks*; what is no address is in none."""
    try:
        address = ip_address(client)
    except ValueError:
        return False
    # A dual-stack socket shows an IPv4 caller as ::ffff:a.b.c.d (RFC 4291 section 2.5.5.2).
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return any(address in network for network in networks)
