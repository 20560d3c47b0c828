"""What can be wrong with a signature. The caller hears of none of it; the operator of all."""

from __future__ import annotations

from flask_jafsec.errors import JafsecError


class SignatureRefused(JafsecError):
    """The signature does not prove what it should; ``reason`` is a code for the operator."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class SignatureMalformed(SignatureRefused):
    """What stands in the signature's headers is none: the client must be mended."""
