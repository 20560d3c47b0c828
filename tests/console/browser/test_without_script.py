"""Everything works without JavaScript: links and forms are enough."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.console.browser.looking import Look, address
from tests.console.browser.pages import PAGES, Page, page
from tests.console.browser.site import ADMIN, PASSWORD, PREFIX

every_page = pytest.mark.parametrize("page", PAGES, ids=[page.name for page in PAGES])


@every_page
def test_a_page_can_be_read(read: Callable[..., Look], page: Page) -> None:
    seen = read(page, script=False)

    assert seen.complaints == []
    assert seen.tab.locator("h1").is_visible()
    assert seen.tab.locator("main").inner_text().strip() != ""
    # A control that would do nothing is not shown.
    for control in ("[data-copy]", "[data-copy-of]", "[data-download]", "[data-preset]"):
        assert seen.tab.locator(control).locator("visible=true").count() == 0


def test_somebody_signs_in_and_out(look: Callable[..., Look]) -> None:
    tab = look("nobody", java_script_enabled=False).open(page("sign-in")).tab
    tab.get_by_label("Name").fill(ADMIN)
    tab.get_by_label("Password").fill(PASSWORD)
    tab.get_by_role("button", name="Sign in").click()
    assert tab.url.endswith(f"{PREFIX}/")

    tab.get_by_role("button", name="Account").click()
    tab.get_by_role("button", name="Sign out").click()

    assert tab.url.endswith("/sign-in")


def test_the_theme_goes_round(look: Callable[..., Look]) -> None:
    seen = look(java_script_enabled=False).open(page("routes"))
    themes = []
    for _ in range(3):
        seen.tab.get_by_role("button", name="Theme").click()
        themes.append(seen.tab.locator("html").get_attribute("data-theme"))

    assert themes == ["dark", "light", "auto"]
    assert seen.tab.url == address(seen.site, page("routes"))


def test_the_chosen_theme_is_painted_whatever_the_system_says(look: Callable[..., Look]) -> None:
    tab = look(java_script_enabled=False).open(page("overview")).tab
    background = "getComputedStyle(document.body).backgroundColor"
    before = tab.evaluate(background)

    tab.get_by_role("button", name="Theme").click()

    assert before == "rgb(246, 247, 249)"
    assert tab.evaluate(background) == "rgb(15, 18, 23)"


def test_the_time_zone_is_chosen_in_the_menu(look: Callable[..., Look]) -> None:
    tab = look(java_script_enabled=False).open(page("overview")).tab
    tab.get_by_role("button", name="Account").click()
    tab.get_by_role("button", name="Local time").click()

    assert tab.locator("html").get_attribute("data-zone") == "local"
    tab.get_by_role("button", name="Account").click()
    chosen = tab.get_by_role("button", name="Local time")
    assert chosen.get_attribute("aria-pressed") == "true"


def test_the_drawer_of_a_phone_opens_and_closes(look: Callable[..., Look]) -> None:
    tab = look("admin", 390, java_script_enabled=False).open(page("overview")).tab
    link = tab.get_by_role("navigation").get_by_role("link", name="Routes")
    assert not link.is_visible()

    tab.get_by_role("button", name="Menu").click()
    assert link.is_visible()
    tab.mouse.click(380, 700)
    assert not link.is_visible()

    tab.get_by_role("button", name="Menu").click()
    link.click()
    assert tab.url.endswith("/routes")
