"""Pages adapt: to narrow windows, larger text, the other direction, contrast settings, paper."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.console.browser.looking import Look
from tests.console.browser.pages import PAGES, Page, page

every_page = pytest.mark.parametrize("page", PAGES, ids=[page.name for page in PAGES])

#: Larger text without a larger page, as Firefox' "zoom text only". Source: WCAG 1.4.4.
_DOUBLE = """() => {
  const sizes = [...document.querySelectorAll("body, body *")].map((element) => {
    const look = getComputedStyle(element);
    return [element, parseFloat(look.fontSize), parseFloat(look.lineHeight)];
  });
  for (const [element, size, line] of sizes) {
    element.style.fontSize = `${size * 2}px`;
    if (line) element.style.lineHeight = `${line * 2}px`;
  }
}"""

#: How the layout check says that something is wider than the page.
SIDEWAYS = ("the page scrolls sideways", "stands out of the page")

#: What readers set who need more room between letters and lines. Source: WCAG 1.4.12.
_SPACED = """() => {
  for (const element of document.querySelectorAll("body, body *")) {
    const size = parseFloat(getComputedStyle(element).fontSize);
    element.style.lineHeight = `${size * 1.5}px`;
    element.style.letterSpacing = `${size * 0.12}px`;
    element.style.wordSpacing = `${size * 0.16}px`;
  }
}"""


@every_page
def test_at_400_per_cent_nothing_is_cut_or_off_the_page(
    read: Callable[..., Look], page: Page
) -> None:
    assert read(page, 320).layout() == []


@every_page
def test_text_of_twice_the_size_fits(read: Callable[..., Look], page: Page) -> None:
    seen = read(page, 1440)
    seen.tab.evaluate(_DOUBLE)

    found = seen.layout()
    if seen.tab.locator("main table[role=table]").count():
        # A table of data may scroll then. Source: WCAG 1.4.10, the exception for such content.
        found = [said for said in found if not said.startswith(SIDEWAYS)]
    assert found == []


@every_page
def test_text_with_more_room_around_its_letters_fits(read: Callable[..., Look], page: Page) -> None:
    seen = read(page, 390)
    seen.tab.evaluate(_SPACED)

    assert seen.layout() == []


@every_page
@pytest.mark.parametrize("width", [1440, 390])
def test_a_page_fits_from_right_to_left(read: Callable[..., Look], page: Page, width: int) -> None:
    seen = read(page, width)
    seen.tab.evaluate("document.documentElement.dir = 'rtl'")

    assert seen.layout() == []
    heading = seen.tab.evaluate("document.querySelector('h1').getBoundingClientRect().right")
    assert heading > width / 2


def test_from_right_to_left_the_frame_changes_sides(read: Callable[..., Look]) -> None:
    tab = read(page("overview")).tab
    middles = """() => [".nav", ".bar-home", ".bar-end"].map((selector) => {
        const box = document.querySelector(selector).getBoundingClientRect();
        return box.left + box.width / 2 > innerWidth / 2;
    })"""
    assert tab.evaluate(middles) == [False, False, True]

    tab.evaluate("document.documentElement.dir = 'rtl'")

    assert tab.evaluate(middles) == [True, True, False]


def test_forced_colours_leave_borders_and_a_ring(look: Callable[..., Look]) -> None:
    seen = look(forced_colors="active").open(page("routes"))
    assert seen.tab.evaluate("matchMedia('(forced-colors: active)').matches")

    for part in (".pill", ".chip"):
        border = "getComputedStyle(document.querySelector('%s')).borderTopStyle"
        assert seen.tab.evaluate(border % part) == "solid", part
    assert seen.layout() == []


def test_with_reduced_motion_nothing_moves(look: Callable[..., Look]) -> None:
    moving = """() => [...document.querySelectorAll("*")].filter((element) => {
        const look = getComputedStyle(element);
        return look.transitionDuration !== "0s" || look.animationName !== "none";
    }).map((element) => element.className)"""

    seen = look(reduced_motion="no-preference").open(page("sign-in"))
    assert seen.tab.evaluate(moving) != [], "the test would not notice anything"

    assert look(reduced_motion="reduce").open(page("sign-in")).tab.evaluate(moving) == []


@every_page
def test_on_paper_there_is_the_content_only(read: Callable[..., Look], page: Page) -> None:
    seen = read(page, 768, "dark")
    seen.tab.emulate_media(media="print")

    for part in (".bar", ".nav", ".toasts", ".head-actions", ".query"):
        assert seen.tab.locator(part).locator("visible=true").count() == 0, part
    assert seen.tab.locator("h1").is_visible()
    ink, paper = seen.tab.evaluate(
        "[getComputedStyle(document.querySelector('h1')).color,"
        " getComputedStyle(document.body).backgroundColor]"
    )
    assert (ink, paper) == ("rgb(0, 0, 0)", "rgb(255, 255, 255)")
    assert seen.tab.evaluate("document.documentElement.scrollWidth") <= 768
    assert seen.tab.pdf().startswith(b"%PDF")
