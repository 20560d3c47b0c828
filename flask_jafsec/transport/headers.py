"""Headers for every answer that is not a page: what to append, and what gives too much away.

Pages need a policy that fits their scripts; that is web/pages.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from flask_jafsec.config.settings import HeaderSettings

Pair = tuple[str, str]

#: Features that no page of ours needs, switched off one by one because there is no "all".
#: Source: OWASP Secure Headers Project, list of headers to add, 2026-07-19.
PERMISSIONS_POLICY: Final = (
    "accelerometer=(), autoplay=(), camera=(), cross-origin-isolated=(), display-capture=(), "
    "encrypted-media=(), fullscreen=(), geolocation=(), gyroscope=(), keyboard-map=(), "
    "magnetometer=(), microphone=(), midi=(), payment=(), picture-in-picture=(), "
    "publickey-credentials-get=(), screen-wake-lock=(), sync-xhr=(self), usb=(), web-share=(), "
    "xr-spatial-tracking=(), clipboard-read=(), clipboard-write=(), gamepad=(), hid=(), "
    "idle-detection=(), interest-cohort=(), serial=(), unload=()"
)

#: Data is no document: should a browser show it all the same, it loads and runs nothing.
#: ``Cross-Origin-Resource-Policy`` stops ``<img>`` and ``<script>`` on foreign pages; a fetch in
#: mode ``cors`` never looks at it, so JAFSEC_CORS_ORIGINS works beside it (Fetch standard, 3.7).
#: Clear-Site-Data of the list belongs to signing out, Cache-Control to PRIVATE.
#: Source: OWASP Secure Headers Project; OWASP REST Security Cheat Sheet, "Security Headers".
API_HEADERS: Final[tuple[Pair, ...]] = (
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
    ("Referrer-Policy", "no-referrer"),
    ("Permissions-Policy", PERMISSIONS_POLICY),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Embedder-Policy", "require-corp"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("X-Permitted-Cross-Domain-Policies", "none"),
    ("X-DNS-Prefetch-Control", "off"),
)

#: What belongs to one caller is kept by no cache. Source: RFC 9111 section 5.2.2.5.
PRIVATE: Final[Pair] = ("Cache-Control", "no-store")

#: Headers that tell strangers what runs here, in lower case. ``Server`` is on the list too, but
#: is written by the server, behind us; an application that sets it does so to hide the real one.
#: Source: OWASP Secure Headers Project, list of headers to remove, 2026-07-19.
LEAKING: Final = frozenset(
    [
        "$wsep",
        "host-header",
        "k-proxy-request",
        "liferay-portal",
        "oraclecommercecloud-version",
        "pega-host",
        "powered-by",
        "product",
        "sourcemap",
        "x-aspnet-version",
        "x-aspnetmvc-version",
        "x-atmosphere-error",
        "x-atmosphere-first-request",
        "x-atmosphere-tracking-id",
        "x-b3-parentspanid",
        "x-b3-sampled",
        "x-b3-spanid",
        "x-b3-traceid",
        "x-backside-transport",
        "x-beserver",
        "x-calculatedbetarget",
        "x-cf-powered-by",
        "x-cms",
        "x-cocoon-version",
        "x-content-encoded-by",
        "x-datadog-origin",
        "x-datadog-parent-id",
        "x-datadog-sampling-priority",
        "x-datadog-tags",
        "x-datadog-trace-id",
        "x-diaginfo",
        "x-dtagentid",
        "x-dthealthcheck",
        "x-dtinjectedservlet",
        "x-envoy-attempt-count",
        "x-envoy-external-address",
        "x-envoy-internal",
        "x-envoy-original-dst-host",
        "x-envoy-upstream-service-time",
        "x-feserver",
        "x-framework",
        "x-generated-by",
        "x-generator",
        "x-gitlab-meta",
        "x-jitsi-release",
        "x-joomla-version",
        "x-kong-admin-latency",
        "x-kong-client-latency",
        "x-kong-proxy-latency",
        "x-kong-request-id",
        "x-kong-response-latency",
        "x-kong-third-party-latency",
        "x-kong-total-latency",
        "x-kong-upstream-latency",
        "x-kong-upstream-status",
        "x-kubernetes-pf-flowschema-ui",
        "x-kubernetes-pf-prioritylevel-uid",
        "x-litespeed-cache",
        "x-litespeed-cache-control",
        "x-litespeed-purge",
        "x-litespeed-tag",
        "x-litespeed-vary",
        "x-mod-pagespeed",
        "x-nextjs-cache",
        "x-nextjs-matched-path",
        "x-nextjs-page",
        "x-nextjs-redirect",
        "x-old-content-length",
        "x-oneagent-js-injection",
        "x-owa-version",
        "x-page-speed",
        "x-php-version",
        "x-powered-by",
        "x-powered-by-plesk",
        "x-powered-cms",
        "x-redirect-by",
        "x-ruxit-js-agent",
        "x-server-powered-by",
        "x-sourcefiles",
        "x-sourcemap",
        "x-turbo-charged-by",
        "x-tyk-trace-id",
        "x-umbraco-version",
        "x-varnish-backend",
        "x-varnish-server",
        "x-woodpecker-version",
    ]
)


class Profile:
    """Pairs that are appended where absent, with their names prepared for a quick comparison."""

    __slots__ = ("names", "pairs")

    def __init__(self, pairs: Iterable[Pair]) -> None:
        self.pairs: Sequence[Pair] = tuple(pairs)
        self.names = frozenset(name.lower() for name, _ in self.pairs)


def append_absent(headers: list[Pair], profile: Profile) -> None:
    """Append to *headers*, in place, the pairs whose name does not stand there in any case."""
    _append(headers, {name.lower() for name, _ in headers}, profile)


def _append(headers: list[Pair], present: set[str], profile: Profile) -> None:
    if present.isdisjoint(profile.names):
        headers += profile.pairs
    else:
        headers += [pair for pair in profile.pairs if pair[0].lower() not in present]


class ApiProfile:
    """Gives every answer the headers that are missing and takes away those that leak."""

    def __init__(self, settings: HeaderSettings, *, kept: Iterable[str] = ()) -> None:
        """Prepare the profiles.

        Args:
            kept: Names of leaking headers that this application means to send.
        """
        self._leaking = LEAKING - {name.lower() for name in kept}
        subdomains = "; includeSubDomains" if settings.hsts_subdomains else ""
        # On plain http browsers ignore it. Source: RFC 6797 section 7.2.
        hsts = ("Strict-Transport-Security", f"max-age={settings.hsts_max_age_s}{subdomains}")
        self._http = Profile(API_HEADERS)
        self._https = Profile((*API_HEADERS, hsts))
        self._private_http = Profile((*API_HEADERS, PRIVATE))
        self._private_https = Profile((*API_HEADERS, hsts, PRIVATE))

    def finish(self, headers: list[Pair], *, is_https: bool, is_private: bool = False) -> None:
        """Change *headers* in place.

        Args:
            is_private: Whether the answer was made for a known caller, so that no cache keeps it
                unless the application said otherwise.
        """
        present = {name.lower() for name, _ in headers}
        if not present.isdisjoint(self._leaking):
            leaking = self._leaking
            headers[:] = [pair for pair in headers if pair[0].lower() not in leaking]
        if is_private:
            profile = self._private_https if is_https else self._private_http
        else:
            profile = self._https if is_https else self._http
        _append(headers, present, profile)
