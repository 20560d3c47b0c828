"""The names of the JAF guide, read from the environment only, after our own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

#: Our setting -> the guide's variable that means the same. Source: the guide, "Secure
#: Configuration".
SAME: Final[Mapping[str, str]] = {
    "JAFSEC_CORS_CREDENTIALS": "CORS_CREDENTIALS",
    "JAFSEC_CORS_ORIGINS": "CORS_ORIGINS",
    "JAFSEC_HEADERS_ENABLED": "SECURITY_HEADERS_ENABLED",
    "JAFSEC_LIMITS_ENABLED": "RATE_LIMIT_ENABLED",
    "JAFSEC_LOG_ENABLED": "SECURITY_LOGGING_ENABLED",
    "JAFSEC_LOG_LEVEL": "LOG_LEVEL",
    "JAFSEC_TOKEN_LIFETIME_S": "JWT_EXPIRY_SECONDS",
}

#: The HS256 key named ``guide``; has no setting of our own.
SECRET: Final = "JWT_SECRET_KEY"

#: The amount of the rate named ``default``; ``JAFSEC_LIMITS`` says it in full.
PER_MINUTE: Final = "MAX_REQUESTS_PER_MINUTE"

#: Known, and without effect in this release: the first will read old data (sealing), the second
#: switches a part that is not there (screening). The start-up line says so.
IGNORED: Final = ("CONTENT_FILTERING_ENABLED", "ENCRYPTION_KEY")
