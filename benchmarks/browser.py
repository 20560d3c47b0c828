"""The requests every variant gets: a browser's, as WSGI environs. No application lives here."""

import io
import sys
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

#: What a WSGI server hands to an application.
Environ = dict[str, Any]
#: Gives the next extra environ entries, such as a header with a credential.
Extras = Callable[[], dict[str, str]]

#: How many different clients take turns, so that per-address state is a table and not one entry.
CLIENTS = 64
#: Where the browser's page came from; every variant with CORS allows it.
ORIGIN = "https://app.example.com"
#: The path of the one view.
PATH = "/chat"

#: Chromium's headers for a cross-origin ``fetch`` of JSON, over HTTPS.
BROWSER: Environ = {
    "REQUEST_METHOD": "GET",
    "SCRIPT_NAME": "",
    "PATH_INFO": PATH,
    "QUERY_STRING": "page=1",
    "RAW_URI": PATH + "?page=1",
    "SERVER_NAME": "api.example.com",
    "SERVER_PORT": "443",
    "SERVER_PROTOCOL": "HTTP/1.1",
    "SERVER_SOFTWARE": "benchmarks",
    "HTTP_HOST": "api.example.com",
    "HTTP_CONNECTION": "keep-alive",
    "HTTP_SEC_CH_UA": '"Chromium";v="140", "Not=A?Brand";v="24"',
    "HTTP_SEC_CH_UA_MOBILE": "?0",
    "HTTP_SEC_CH_UA_PLATFORM": '"Linux"',
    "HTTP_USER_AGENT": (
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
        "Chrome/140.0.0.0 Safari/537.36"
    ),
    "HTTP_ACCEPT": "application/json, text/plain, */*",
    "HTTP_ORIGIN": ORIGIN,
    "HTTP_SEC_FETCH_SITE": "same-site",
    "HTTP_SEC_FETCH_MODE": "cors",
    "HTTP_SEC_FETCH_DEST": "empty",
    "HTTP_REFERER": ORIGIN + "/",
    "HTTP_ACCEPT_ENCODING": "gzip, deflate, br, zstd",
    "HTTP_ACCEPT_LANGUAGE": "en-GB,en;q=0.9",
    "wsgi.version": (1, 0),
    "wsgi.url_scheme": "https",
    "wsgi.multithread": True,
    "wsgi.multiprocess": False,
    "wsgi.run_once": False,
}


def nothing_more() -> dict[str, str]:
    """Returns no extra entries: a request without a credential."""
    return {}


def bearer(token: str) -> Extras:
    """Returns a source that sends *token* with every request."""
    entries = {"HTTP_AUTHORIZATION": "Bearer " + token}
    return lambda: entries


def bearer_each(tokens: Iterator[str]) -> Extras:
    """Returns a source that sends the next of *tokens* with every request."""
    return lambda: {"HTTP_AUTHORIZATION": "Bearer " + next(tokens)}


def api_key_each(keys: Iterator[str]) -> Extras:
    """Returns a source that sends the next of *keys* with every request."""
    return lambda: {"HTTP_X_API_KEY": next(keys)}


def browser_requests(extras: Extras = nothing_more) -> Callable[[int], list[Environ]]:
    """Returns a function that makes that many fresh environs, the clients taking turns."""
    serial = count()

    def make(number: int) -> list[Environ]:
        return [_environ(next(serial), extras()) for _ in range(number)]

    return make


def _environ(serial: int, extra: dict[str, str]) -> Environ:
    """Returns one environ; applications write into it, so it is never used twice."""
    client = serial % CLIENTS
    return {
        **BROWSER,
        **extra,
        "REMOTE_ADDR": f"203.0.113.{client + 1}",
        "REMOTE_PORT": str(40000 + client),
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": sys.stderr,
    }
