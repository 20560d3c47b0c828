"""The public keys others verify our tokens with, as a document. It is served elsewhere."""

from __future__ import annotations

import json
from typing import Final

from flask_jafsec.identity.token_keys import TokenKey, TokenKeys

#: Members that may be published, as a list of what is allowed: a private member nobody thought of
#: stays inside. Source: RFC 7518 section 6; RFC 8037 section 2.
_PUBLIC_MEMBERS: Final = ("kty", "crv", "x", "y", "n", "e")


def jwks_document(keys: TokenKeys) -> bytes:
    """Return the JWK set of the asymmetric keys, ready to be sent; secrets are left out.

    Keys that only verify are in it: a new key is published before it signs.

    Source: RFC 7517 sections 4 and 5.
    """
    published = [_published(key) for key in keys if not key.is_symmetric]
    return json.dumps({"keys": published}, separators=(",", ":")).encode()


def _published(key: TokenKey) -> dict[str, object]:
    members = key.key.as_dict(private=False)
    public: dict[str, object] = {
        member: members[member] for member in _PUBLIC_MEMBERS if member in members
    }
    return {**public, "kid": key.kid, "alg": key.algorithm, "use": "sig"}
