"""What the first visit of a page costs: bytes as sent, and requests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.console.browser.looking import Look
from tests.console.browser.pages import PAGES, Page

#: Source: console.md B14.
MAX_REQUESTS = 6


@pytest.mark.parametrize("page", PAGES, ids=[page.name for page in PAGES])
def test_the_first_visit_is_light(look: Callable[..., Look], page: Page) -> None:
    seen = look(page.visitor)
    sizes: dict[str, float] = {}
    urls: dict[str, str] = {}

    def sent(event: dict[str, Any]) -> None:
        urls[event["requestId"]] = event["request"]["url"]

    def finished(event: dict[str, Any]) -> None:
        sizes[urls[event["requestId"]]] = event["encodedDataLength"]

    protocol = seen.context.new_cdp_session(seen.tab)
    protocol.on("Network.requestWillBeSent", sent)
    protocol.on("Network.loadingFinished", finished)
    protocol.send("Network.enable")
    seen.open(page)
    seen.tab.wait_for_load_state("networkidle")

    assert len(sizes) <= MAX_REQUESTS, sizes
    assert sum(sizes.values()) < page.max_kb * 1024, sizes
    assert sum(sizes.values()) > 1024, "nothing was counted"
