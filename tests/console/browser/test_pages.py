"""Every page, at three widths and in both themes, has nothing that a browser complains about."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.console.browser.looking import Look
from tests.console.browser.pages import PAGES, STATES, THEMES, WIDTHS, Page, Theme

SEEN = (*PAGES, *STATES)
every_page = pytest.mark.parametrize("page", SEEN, ids=[page.name for page in SEEN])


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("width", WIDTHS)
@every_page
def test_a_page_has_no_barrier_no_report_no_error_and_fits(
    read: Callable[..., Look], page: Page, width: int, theme: Theme
) -> None:
    seen = read(page, width, theme)

    # axe comes last: it puts things into the page.
    found = {
        "layout": seen.layout(),
        "reports": seen.reports(),
        "complaints": seen.complaints,
        "barriers": seen.barriers(),
    }

    assert {what: list(problems) for what, problems in found.items() if problems} == {}
