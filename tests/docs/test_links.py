"""Every link inside the documentation leads somewhere, and the README shows a picture."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.blocks import PAGES, ROOT, anchors_of, links_of

#: Larger pictures make the README slow to read.
MAX_PICTURE_BYTES = 150 * 1024

NAMES = [page.name for page in PAGES]


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_relative_link_leads_to_a_file_and_a_heading(page: Path) -> None:
    missing = []
    for link in links_of(page):
        if link.startswith(("https://", "http://")):
            continue
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        if not target.is_file() or (anchor and anchor not in anchors_of(target)):
            missing.append(link)

    assert missing == []


def test_the_readme_leads_to_every_page_or_to_one_that_does() -> None:
    reached = {(ROOT / link.partition("#")[0]).resolve() for link in links_of(ROOT / "README.md")}
    for page in [page for page in reached if page in PAGES]:
        reached |= {(page.parent / link.partition("#")[0]).resolve() for link in links_of(page)}

    assert [page.name for page in PAGES if page.parent.name == "docs" and page not in reached] == []


def test_pictures_are_small() -> None:
    pictures = list((ROOT / "docs" / "pictures").iterdir())

    assert pictures
    assert [file.name for file in pictures if file.stat().st_size > MAX_PICTURE_BYTES] == []
