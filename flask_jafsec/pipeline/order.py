"""What happens to a request, in which order: the tuples of steps, and the loop that runs them."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

from flask_jafsec.errors import Halt, Refusal, SecurityUnavailable, StoreUnavailable
from flask_jafsec.pipeline.entering import (
    answer_preflight,
    redirect_insecure,
    refuse_foreign_host,
    refuse_unreadable,
)
from flask_jafsec.pipeline.exchange import Exchange
from flask_jafsec.pipeline.inbound import (
    authenticate,
    authenticate_session,
    authorise,
    limit_client,
    limit_everybody,
    limit_identity,
)
from flask_jafsec.pipeline.recording import record_refusal
from flask_jafsec.pipeline.services import Services

_log = logging.getLogger("flask_jafsec")

Step = Callable[[Exchange, Services], None]

#: Before Flask builds anything; no route is known yet.
GATE: Final[tuple[Step, ...]] = (
    redirect_insecure,  # only where configured; spares health checks
    answer_preflight,
    refuse_unreadable,
    limit_client,  # one rate per address, so guessing credentials is slow
    authenticate,  # header credentials only
)

#: In front of the view.
INBOUND: Final[tuple[Step, ...]] = (
    authenticate_session,  # only where no header credential came
    limit_identity,  # the caller's own share, so one customer cannot starve another
    authorise,
    limit_everybody,  # last: whoever may not come in uses up nothing of the others'
)

#: In the place of INBOUND, where the request is for a host that is not ours.
FOREIGN_HOST: Final[tuple[Step, ...]] = (refuse_foreign_host,)

# A step stands here only when its part exists: check_block, verify_signature, screen_input and
# the steps after the view come with theirs.


def walk(steps: tuple[Step, ...], exchange: Exchange, services: Services) -> Halt | None:
    """Run *steps* in order; return what ended them early, or None when all have passed.

    A refusal is recorded here, once, whichever step it came from. An error that no step expected
    becomes a refusal too: nothing unforeseen lets anybody in.
    """
    try:
        for step in steps:
            step(exchange, services)
    except Refusal as refusal:
        return refuse(exchange, services, refusal)
    except Halt as answered:
        exchange.recorded = True  # a preflight or redirect decides nothing about anybody
        return answered
    except Exception as error:  # noqa: BLE001 - what nobody foresaw lets nobody in, and is said
        _log.exception("a security step failed; the request is refused")
        return refuse(
            exchange, services, SecurityUnavailable(f"step_failed:{type(error).__name__}")
        )
    return None


def refuse(exchange: Exchange, services: Services, refusal: Refusal) -> Refusal:
    """Record *refusal* and return what is answered: that, or that not even this can be kept."""
    try:
        exchange.decision = record_refusal(exchange, services, refusal)
    except StoreUnavailable:
        # Only where refusals wait for their event (JAFSEC_AUDIT_WAIT).
        _log.exception("the event of a refusal was not kept")
        return SecurityUnavailable("audit_unavailable")
    return refusal
