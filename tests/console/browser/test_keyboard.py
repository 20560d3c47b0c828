"""The console without a mouse: Tab, Enter, Escape."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page as Tab

from tests.console.browser.looking import Look
from tests.console.browser.pages import PAGES, Page, page
from tests.console.browser.site import ADMIN, PASSWORD, PREFIX

#: More stops than any page has until its content begins; enough to see them all on small pages.
MAX_STOPS = 60

#: What has the focus, and whether one can see so. Source: WCAG 2.4.7, 2.4.11, 2.4.13.
_FOCUSED = """async () => {
  // A list that scrolls by itself comes along with the next picture.
  await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  const element = document.activeElement;
  if (element === document.body) return null;
  const look = getComputedStyle(element), box = element.getBoundingClientRect();
  const at = document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2);
  return {
    name: element.getAttribute("aria-label") || element.textContent.trim() || element.name,
    ring: look.outlineStyle !== "none" && parseFloat(look.outlineWidth) >= 2,
    inView: box.top >= -1 && box.bottom <= innerHeight + 1,
    covered: !(at && (element.contains(at) || at.contains(element))),
  };
}"""

#: Tab goes on from where the focus was last, also where a page puts it into its form.
_FROM_THE_TOP = """() => {
  document.body.tabIndex = -1;
  document.body.focus();
  document.body.removeAttribute("tabindex");
}"""


def tab_to(tab: Tab, name: str) -> None:
    """Press Tab until the element of that name has the focus."""
    for _ in range(MAX_STOPS):
        tab.keyboard.press("Tab")
        focused = tab.evaluate(_FOCUSED)
        if focused is not None and focused["name"].startswith(name):
            return
    raise AssertionError(f"Tab never comes to {name!r}")


@pytest.mark.parametrize("page", PAGES, ids=[page.name for page in PAGES])
@pytest.mark.parametrize("width", [1440, 390])
def test_every_stop_of_the_tab_key_is_seen(
    read: Callable[..., Look], page: Page, width: int
) -> None:
    tab = read(page, width).tab
    tab.evaluate(_FROM_THE_TOP)
    stops = 0
    for _ in range(MAX_STOPS):
        tab.keyboard.press("Tab")
        focused = tab.evaluate(_FOCUSED)
        if focused is None:
            break
        stops += 1
        assert focused["ring"], focused
        assert focused["inView"], focused
        assert not focused["covered"], focused

    assert stops >= 2


@pytest.mark.parametrize("page", PAGES, ids=[page.name for page in PAGES])
def test_the_first_stop_skips_to_the_content(read: Callable[..., Look], page: Page) -> None:
    tab = read(page).tab
    tab.evaluate(_FROM_THE_TOP)
    tab.keyboard.press("Tab")
    assert tab.evaluate(_FOCUSED)["name"] == "Skip to content"

    tab.keyboard.press("Enter")

    assert tab.evaluate("document.activeElement.id") == "main"
    assert tab.evaluate("scrollY + document.activeElement.querySelector('h1').offsetTop") >= 0


def test_somebody_signs_in(look: Callable[..., Look]) -> None:
    tab = look("nobody").open(page("sign-in")).tab
    tab_to(tab, "name")
    tab.keyboard.type(ADMIN)
    tab_to(tab, "password")
    tab.keyboard.type(PASSWORD)
    tab.keyboard.press("Enter")

    tab.wait_for_url(f"**{PREFIX}/")
    assert tab.get_by_role("heading", level=1).inner_text() == "Overview"


def test_the_menu_opens_is_walked_through_and_gives_the_focus_back(
    look: Callable[..., Look],
) -> None:
    tab = look().open(page("overview")).tab
    tab_to(tab, "Account")
    tab.keyboard.press("Enter")
    assert tab.locator("#account").is_visible()

    names = []
    for _ in range(2):
        tab.keyboard.press("ArrowDown")
        names.append(tab.evaluate(_FOCUSED)["name"])
    tab.keyboard.press("End")
    names.append(tab.evaluate(_FOCUSED)["name"])
    tab.keyboard.press("Home")
    names.append(tab.evaluate(_FOCUSED)["name"])
    assert names == ["UTC", "Local time", "Sign out", "UTC"]

    tab.keyboard.press("Escape")
    assert not tab.locator("#account").is_visible()
    assert tab.evaluate(_FOCUSED)["name"].startswith("Account")


def test_the_theme_is_changed(look: Callable[..., Look]) -> None:
    tab = look().open(page("overview")).tab
    tab_to(tab, "Theme")
    with tab.expect_navigation():
        tab.keyboard.press("Enter")

    assert tab.locator("html").get_attribute("data-theme") == "dark"


def test_a_page_is_opened_from_the_navigation(look: Callable[..., Look]) -> None:
    tab = look().open(page("overview")).tab
    tab_to(tab, "Routes")
    tab.keyboard.press("Enter")

    tab.wait_for_url("**/routes")


def test_the_drawer_of_a_phone_opens_closes_and_gives_the_focus_back(
    look: Callable[..., Look],
) -> None:
    tab = look("admin", 390).open(page("overview")).tab
    tab_to(tab, "Menu")
    tab.keyboard.press("Enter")
    assert tab.locator("#nav").is_visible()

    tab.keyboard.press("Tab")
    assert tab.evaluate("nav.contains(document.activeElement)")
    tab.keyboard.press("Escape")

    assert not tab.locator("#nav").is_visible()
    assert tab.evaluate(_FOCUSED)["name"] == "Menu"


def test_no_element_jumps_the_queue(read: Callable[..., Look]) -> None:
    for one in PAGES:
        tab = read(one).tab
        assert tab.locator("[tabindex]:not([tabindex='0'], [tabindex='-1'])").count() == 0, one.name
