"""What is slipped into a page is stopped by its policy, so that "no reports" means something."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Route

from tests.console.browser.looking import Look, address
from tests.console.browser.pages import page

INJECTED = """
<script>window.injected = "script"</script>
<style>body { background: rgb(255, 0, 0) !important }</style>
<p id="painted" style="color: rgb(255, 0, 0)">x</p>
<img src="/no/such" alt="" onerror="window.injected = 'handler'">
"""

_IN_THE_PAGE = """() => new Promise((done) => setTimeout(() => {
  try { ACT; window.did = true; } catch (error) { window.did = String(error); }
  done();
}))"""


@pytest.fixture
def injected(look: Callable[..., Look]) -> Look:
    """A page into which somebody has got markup, and its policy with it."""
    seen = look("nobody")

    def inject(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, body=answer.text().replace("</main>", f"{INJECTED}</main>"))

    url = address(seen.site, page("sign-in"))
    seen.tab.route(url, inject)
    seen.tab.goto(url)
    seen.settle()
    return seen


def test_injected_markup_neither_runs_nor_paints(injected: Look) -> None:
    tab = injected.tab

    assert tab.evaluate("window.injected") is None
    assert tab.evaluate("getComputedStyle(document.body).backgroundColor") != "rgb(255, 0, 0)"
    assert tab.evaluate("getComputedStyle(painted).color") != "rgb(255, 0, 0)"
    stopped = {report.split()[0] for report in injected.reports()}
    assert {"script-src-elem", "style-src-elem", "style-src-attr", "script-src-attr"} <= stopped


@pytest.mark.parametrize(
    "act",
    [
        pytest.param("document.body.innerHTML = '<b>x</b>'", id="markup"),
        pytest.param("document.createElement('script').text = 'x'", id="text of a script"),
        pytest.param("eval('1')", id="eval"),
        pytest.param("new Function('return 1')", id="function from text"),
        pytest.param("trustedTypes.createPolicy('other', {})", id="another policy"),
        pytest.param("trustedTypes.createPolicy('jafsec', {})", id="our policy once more"),
    ],
)
def test_a_script_cannot_turn_text_into_code(look: Callable[..., Look], act: str) -> None:
    seen = look("nobody").open(page("sign-in"))
    # What the browser's protocol evaluates may do more than the page: a timer is the page's own.
    seen.tab.evaluate(_IN_THE_PAGE.replace("ACT", act))

    assert "rror" in str(seen.tab.evaluate("window.did"))
    assert seen.reports() != []


def test_another_site_may_not_frame_a_page(look: Callable[..., Look]) -> None:
    seen = look("nobody")
    url = address(seen.site, page("sign-in"))
    foreign = "http://frames.example/"
    seen.tab.route(foreign, lambda route: route.fulfill(body=f'<iframe src="{url}"></iframe>'))
    seen.tab.goto(foreign)

    # What the frame shows instead is the browser's own page, of no origin.
    frames = [frame for frame in seen.tab.frames if frame.parent_frame is not None]
    assert [frame.locator("form").count() for frame in frames] == [0]
