"""Opens a page and notes everything that a browser has to complain about."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import axe_playwright_python
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Request, Response
from playwright.sync_api import Page as Tab

from tests.console.browser.pages import Page, Theme, Visitor
from tests.console.browser.site import PREFIX, Ready

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text()
LAYOUT = Path(__file__).with_name("layout.js").read_text()

#: Source: console.md B14.
AXE_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]

HEIGHTS = {1440: 900, 768: 1024, 390: 844, 320: 640}

#: A phone's breakpoint, from which controls are as large as a finger. Source: console.md B8.
TOUCH_WIDTH = 860

#: Installed before any script of the page. Reports of a policy are also console messages, whose
#: text differs between browsers; the event does not.
_LISTEN = """
window.__reports = [];
document.addEventListener("securitypolicyviolation", (event) => {
  window.__reports.push(`${event.effectiveDirective} ${event.blockedURI} ${event.sample}`);
});
"""


@dataclass  # without slots: Playwright marks the objects whose methods it calls
class Look:
    """A tab in which one visitor looks at the console."""

    site: Ready
    context: BrowserContext
    tab: Tab
    complaints: list[str] = field(default_factory=list)
    """Errors and warnings of the console, failed requests, requests to somewhere else."""
    _expected: str = ""

    def resize(self, width: int, theme: Theme) -> Look:
        """Go on at another width and in another theme, with nothing to complain about yet."""
        self.tab.set_viewport_size({"width": width, "height": HEIGHTS[width]})
        self.tab.emulate_media(media="screen", color_scheme=theme)
        self.complaints.clear()
        return self

    def open(self, page: Page) -> Look:
        """Open *page* and wait until everything it loads is there."""
        self.go(address(self.site, page), page.status)
        if page.opens and self.tab.locator(page.opens).first.is_visible():
            self.tab.locator(page.opens).first.click()
            self.settle()
        return self

    def go(self, url: str, status: int = 200) -> Look:
        """Open an address and expect a status."""
        self._expected = url if status >= 400 else ""
        answer = self.tab.goto(url)
        assert answer is not None
        if answer.status != status:
            self.complaints.append(f"status {answer.status} instead of {status}: {url}")
        self.settle()
        return self

    def settle(self) -> None:
        """Wait until no part of the page is loading."""
        self.tab.wait_for_load_state("load")
        self.tab.locator("[aria-busy=true]").wait_for(state="detached")

    def reports(self) -> list[str]:
        """Return what the page's Content-Security-Policy has stopped."""
        found: list[str] = self.tab.evaluate("window.__reports")
        return found

    def barriers(self) -> list[str]:
        """Return what axe finds."""
        self.tab.evaluate(AXE)
        options = {"runOnly": {"type": "tag", "values": AXE_TAGS}, "resultTypes": ["violations"]}
        result: dict[str, Any] = self.tab.evaluate("(options) => axe.run(options)", options)
        return [
            f"{violation['id']}: {node['html'][:200]} {node['failureSummary']}"
            for violation in result["violations"]
            for node in violation["nodes"]
        ]

    def layout(self) -> list[str]:
        """Return what overlaps, is cut, stands out or is too small to hit."""
        width = self.tab.viewport_size["width"] if self.tab.viewport_size else 0
        found: list[str] = self.tab.evaluate(LAYOUT, {"touch": width <= TOUCH_WIDTH})
        return found

    def watch(self) -> None:
        """Note every complaint from now on."""
        self.tab.on("console", self._note_message)
        self.tab.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        self.tab.on("requestfailed", self._note_failure)
        self.tab.on("request", self._note_origin)
        self.tab.on("response", self._note_status)

    def _note_message(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not self._is_expected(message.location["url"]):
            self.complaints.append(f"{message.type}: {message.text}")

    def _note_failure(self, request: Request) -> None:
        self.complaints.append(f"failed: {request.url} {request.failure}")

    def _note_origin(self, request: Request) -> None:
        if not request.url.startswith((self.site.origin + "/", "blob:" + self.site.origin)):
            self.complaints.append(f"asks somebody else: {request.url}")

    def _note_status(self, response: Response) -> None:
        if response.status >= 400 and not self._is_expected(response.url):
            self.complaints.append(f"status {response.status}: {response.url}")

    def _is_expected(self, url: str) -> bool:
        return bool(self._expected) and url == self._expected


def address(site: Ready, page: Page) -> str:
    """Return the whole address of *page*."""
    return site.origin + PREFIX + page.path.format(**site.names)


def look_as(
    site: Ready,
    browser: Browser,
    visitor: Visitor,
    width: int,
    theme: Theme = "light",
    **options: Any,
) -> Look:
    """Return a tab of a fresh browser profile in which *visitor* is signed in."""
    context = browser.new_context(
        viewport={"width": width, "height": HEIGHTS.get(width, 900)},
        color_scheme=theme,
        reduced_motion=options.pop("reduced_motion", "reduce"),
        **options,
    )
    if visitor in site.cookies:
        cookie = {"name": "jafsec_session", "value": site.cookies[visitor], "url": site.origin}
        context.add_cookies([cookie])  # type: ignore[list-item]  # a TypedDict, as it says itself
    context.add_init_script(_LISTEN)
    context.set_default_timeout(15_000)
    look = Look(site, context, context.new_page())
    look.watch()
    return look
