"""The address where others find our public keys."""

from __future__ import annotations

from typing import Final

from flask import Flask, Response

from flask_jafsec.identity.jwks import jwks_document
from flask_jafsec.identity.token_keys import TokenKeys
from flask_jafsec.pipeline.policy import public_policy
from flask_jafsec.web.declarations import attach

#: How long others may keep our public keys: a new key is published this long before it signs.
#: Source: keys-and-privacy of the project, 6.3 (publish, wait, sign).
JWKS_MAX_AGE_S: Final = 600


def serve_public_keys(app: Flask, keys: TokenKeys) -> None:
    """Serve the public halves of asymmetric token keys; secrets have none, so nothing then."""
    if all(key.is_symmetric for key in keys):
        return
    document = jwks_document(keys)

    def jwks() -> Response:
        answer = Response(document, mimetype="application/jwk-set+json")
        answer.headers["Cache-Control"] = f"public, max-age={JWKS_MAX_AGE_S}"
        return answer

    view = attach(public_policy())(jwks)
    app.add_url_rule("/.well-known/jwks.json", "jafsec_jwks", view)
