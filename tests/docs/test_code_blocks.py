"""Every code block of README, CHANGELOG and docs is run, or checked against what it shows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.blocks import PAGES, blocks_of
from tests.docs.page import Page
from tests.docs.shell import Line, check

WITH_BLOCKS = [page for page in PAGES if blocks_of(page)]


@pytest.fixture
def runner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Page]:
    page = Page(tmp_path, monkeypatch, lambda: capsys.readouterr().err)
    yield page
    page.close()


@pytest.mark.parametrize("page", WITH_BLOCKS, ids=[page.name for page in WITH_BLOCKS])
def test_every_block_of_the_page_does_what_it_shows(runner: Page, page: Path) -> None:
    for block in blocks_of(page):
        try:
            runner.run(block)
        except BaseException as error:
            error.add_note(f"in {block}")
            raise


@pytest.mark.parametrize(
    "line",
    ["rm -rf /", "flask run --nonsense", "make nothing", "pip install flask-jafsec[nothing]"],
)
def test_a_command_nobody_could_run_is_found(line: str, tmp_path: Path) -> None:
    with pytest.raises((AssertionError, Exception)):
        check(Line(line.split(), line, ""), tmp_path)


def test_a_block_without_a_known_language_is_found(runner: Page, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("```\nwhatever\n```\n\n```ruby\nputs 1\n```\n", encoding="utf-8")

    for block in blocks_of(page):
        with pytest.raises(AssertionError, match="no known language"):
            runner.run(block)


def test_an_answer_with_other_members_is_found(runner: Page, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "<!-- test: answers curl -s http://127.0.0.1:5000/health -->\n"
        '```json\n{"state": "ok"}\n```\n',
        encoding="utf-8",
    )

    with pytest.raises(AssertionError, match="state"):
        runner.run(blocks_of(page)[0])


def test_a_wrong_option_and_a_wrong_status_are_found(runner: Page, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "```sh\nflask jafsec keys list --nonsense\n```\n"
        "```sh\ncurl -X POST http://127.0.0.1:5000/chat # 200\n```\n",
        encoding="utf-8",
    )

    for block in blocks_of(page):
        with pytest.raises(AssertionError):
            runner.run(block)
