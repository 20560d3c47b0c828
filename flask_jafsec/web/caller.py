"""``current_identity``: who is calling, for views."""

from __future__ import annotations

from typing import cast

from flask import request
from werkzeug.local import LocalProxy

from flask_jafsec.pipeline.exchange import Exchange
from flask_jafsec.records import Identity
from flask_jafsec.web.gate import EXCHANGE


def current_exchange() -> Exchange:
    """Return the exchange of the present request.

    Raises:
        RuntimeError: There is no request, or the app has no JafSecurity.
    """
    exchange = request.environ.get(EXCHANGE)
    if exchange is None:
        raise RuntimeError(
            "this request did not pass JafSecurity. Did you forget JafSecurity(app) or init_app?"
        )
    return cast(Exchange, exchange)


def _identity() -> Identity:
    return current_exchange().identity


#: The caller of the present request. Attributes as in ``records.Identity``.
current_identity: Identity = cast(Identity, LocalProxy(_identity))
