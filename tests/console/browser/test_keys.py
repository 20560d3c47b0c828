"""API keys are created, rotated and revoked: without a script, with one, and by keyboard alone."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Error, expect
from playwright.sync_api import Page as Tab

from tests.console.browser.looking import Look, address
from tests.console.browser.pages import page

with_and_without_script = pytest.mark.parametrize(
    "script", [False, True], ids=["without script", "with script"]
)


def create(look: Look, name: str) -> str:
    """Create a key by its form; return the secret that is shown."""
    tab = look.open(page("keys-new")).tab
    tab.get_by_label("Name", exact=True).fill(name)
    tab.get_by_role("checkbox", name="chat:basic").check()
    tab.get_by_role("button", name="Create key").click()
    expect(tab.get_by_role("heading", name=f"Key “{name}” created")).to_be_visible()
    return tab.locator("#secret").inner_text()


def open_detail(look: Look, name: str) -> Tab:
    tab = look.open(page("keys")).tab
    tab.get_by_role("link", name=name, exact=True).first.click()
    expect(tab.get_by_role("heading", level=1, name=name)).to_be_visible()
    return tab


@with_and_without_script
def test_a_key_is_created_and_shown_once(look: Callable[..., Look], script: bool) -> None:
    seen = look(java_script_enabled=script)
    secret = create(seen, "made-here")
    assert secret.startswith("jfk_live_")

    seen.tab.get_by_label("I have stored this key").check()
    seen.tab.get_by_role("button", name="Done").click()

    expect(seen.tab.get_by_role("heading", level=1, name="made-here")).to_be_visible()
    assert secret not in seen.tab.content()
    assert seen.complaints == []


@with_and_without_script
def test_a_key_is_rotated(look: Callable[..., Look], script: bool) -> None:
    seen = look(java_script_enabled=script)
    first = create(seen, f"to-rotate-{script}")
    tab = open_detail(seen, f"to-rotate-{script}")
    tab.get_by_role("link", name="Rotate").click()
    tab.get_by_label("In 1 hour").check()
    tab.get_by_role("button", name="Rotate key").click()

    second = tab.locator("#secret").inner_text()
    assert second.startswith("jfk_live_")
    assert second != first
    tab.locator(".shown dl + p a").click()
    expect(tab.get_by_text("This old key works until")).to_be_visible()
    assert seen.complaints == []


@with_and_without_script
def test_a_key_is_revoked(look: Callable[..., Look], script: bool) -> None:
    seen = look(java_script_enabled=script)
    create(seen, f"to-revoke-{script}")
    tab = open_detail(seen, f"to-revoke-{script}")
    tab.get_by_role("link", name="Revoke").click()
    tab.get_by_label("Reason").fill("it was in a public repository")
    tab.get_by_role("button", name="Revoke key").click()

    expect(tab.locator(".head .pill")).to_have_text("Revoked")
    expect(tab.get_by_text("it was in a public repository")).to_be_visible()
    assert seen.complaints == []


def test_a_form_with_a_mistake_keeps_what_was_typed(look: Callable[..., Look]) -> None:
    seen = look(java_script_enabled=False).open(page("keys-new"))
    tab = seen.tab
    tab.get_by_label("Name", exact=True).fill("half-done")
    tab.get_by_role("checkbox", name="chat:basic").check()
    tab.get_by_label("Allowed addresses").fill("not an address")
    tab.get_by_role("button", name="Create key").click()

    expect(tab.get_by_role("alert").first).to_be_visible()
    assert tab.get_by_label("Name", exact=True).input_value() == "half-done"
    assert tab.get_by_label("Allowed addresses").get_attribute("aria-invalid") == "true"


def test_the_form_opens_as_a_dialog_and_gives_the_focus_back(look: Callable[..., Look]) -> None:
    tab = look().open(page("keys")).tab
    link = tab.get_by_role("link", name="Create key")
    link.focus()
    tab.keyboard.press("Enter")
    expect(tab.get_by_role("dialog")).to_be_visible()
    assert tab.evaluate("document.querySelector('dialog').contains(document.activeElement)")
    assert tab.url.endswith("/keys")

    tab.keyboard.press("Escape")

    expect(tab.get_by_role("dialog")).to_be_hidden()
    expect(link).to_be_focused()


def test_the_secret_is_not_left_by_accident(look: Callable[..., Look]) -> None:
    seen = look()
    create(seen, "do-not-lose")
    tab = seen.tab
    dialog = tab.get_by_role("dialog")
    for _ in range(3):
        tab.keyboard.press("Escape")
        expect(dialog).to_be_visible()
    expect(tab.get_by_role("button", name="Done")).to_be_disabled()

    tab.get_by_label("I have stored this key").press("Space")

    expect(tab.get_by_role("button", name="Done")).to_be_enabled()


def test_a_key_is_created_without_a_mouse(look: Callable[..., Look]) -> None:
    tab = look().open(page("keys")).tab
    tab.keyboard.press("c")
    expect(tab.get_by_role("dialog")).to_be_visible()
    expect(tab.get_by_label("Name", exact=True)).to_be_focused()
    tab.keyboard.type("typed-only")
    while not tab.evaluate("document.activeElement.matches('[value=\"chat:basic\"]')"):
        tab.keyboard.press("Tab")
    tab.keyboard.press("Space")
    tab.keyboard.press("Enter")

    expect(tab.get_by_role("heading", name="Key “typed-only” created")).to_be_visible()


def test_the_shown_secret_fits_and_has_no_barrier(look: Callable[..., Look]) -> None:
    for width in (1440, 390):
        seen = look("admin", width)
        create(seen, f"looked-at-{width}")

        assert seen.layout() == []
        assert seen.reports() == []
        assert seen.barriers() == []


def test_the_secret_is_at_no_address_and_in_no_store(look: Callable[..., Look]) -> None:
    seen = look()
    secret = create(seen, "nowhere-else")

    assert secret not in seen.tab.url
    assert seen.tab.evaluate("[localStorage.length, sessionStorage.length]") == [0, 0]
    seen.tab.goto(address(seen.site, page("keys")))
    with pytest.raises(Error, match="ERR_CACHE_MISS"):  # the answer was not kept
        seen.tab.go_back()
