"""One server and one browser for all tests of this folder, in each process of pytest-xdist.

Without a browser the tests are skipped. ``TEST_REQUIRE_BROWSER=1`` makes that a failure, and
``TEST_BROWSER_TALLY`` names a file to which each test that passed adds a line: .ci/run counts them.
(The names do not start with JAFSEC_: an app refuses settings it does not know.)
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.console.browser.looking import Look, look_as
from tests.console.browser.pages import Page, Theme, Visitor
from tests.console.browser.site import Ready

REQUIRED = "TEST_REQUIRE_BROWSER"
TALLY = "TEST_BROWSER_TALLY"

_PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_HERE = Path(__file__).parent


@pytest.fixture(scope="package")
def chromium() -> str:
    """The path of the system's Chromium."""
    found = next(filter(None, map(shutil.which, _PROGRAMS)), None)
    if found is None:
        told = "there is no Chromium; on Debian and Ubuntu: apt-get install chromium"
        if os.environ.get(REQUIRED):
            pytest.fail(f"{REQUIRED} is set, but {told}")
        pytest.skip(told)
    return found


@pytest.fixture(scope="package")
def browser(chromium: str) -> Iterator[Browser]:
    """One Chromium, let go before other tests: Playwright keeps an event loop in this thread."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ready]:
    """A real server, in a process of its own."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.console.browser.site", str(tmp_path_factory.mktemp("site"))],
        cwd=_HERE.parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        try:
            line = process.stdout.readline()
            assert line, "the server did not start; what it said stands above"
            yield Ready(**json.loads(line))
        finally:
            process.stdin.close()
            process.wait(30)


@pytest.fixture(scope="package")
def readers(site: Ready, browser: Browser) -> Iterator[Callable[[Visitor, bool], Look]]:
    """The tab of each visitor in which tests only read: a new one takes a second."""
    opened: dict[tuple[Visitor, bool], Look] = {}

    def reader(visitor: Visitor, script: bool) -> Look:
        if (visitor, script) not in opened:
            made = look_as(site, browser, visitor, 1440, java_script_enabled=script)
            opened[visitor, script] = made
        return opened[visitor, script]

    yield reader
    for look in opened.values():
        look.context.close()


@pytest.fixture
def read(readers: Callable[[Visitor, bool], Look]) -> Callable[..., Look]:
    """Opens a page for reading: ``read(page, 1440, "dark")``."""

    def open_page(
        page: Page, width: int = 1440, theme: Theme = "light", *, script: bool = True
    ) -> Look:
        return readers(page.visitor, script).resize(width, theme).open(page)

    return open_page


@pytest.fixture
def look(site: Ready, browser: Browser) -> Iterator[Callable[..., Look]]:
    """Opens tabs of fresh profiles: ``look("admin", 390)``. All are closed after the test."""
    opened: list[Look] = []

    def start(visitor: Visitor = "admin", width: int = 1440, *rest: Any, **options: Any) -> Look:
        opened.append(look_as(site, browser, visitor, width, *rest, **options))
        return opened[-1]

    yield start
    for look in opened:
        look.context.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Write down which tests of this folder have passed."""
    report = yield
    tally = os.environ.get(TALLY)
    if tally and report.when == "call" and report.passed and _HERE in item.path.parents:
        with Path(tally).open("a") as file:
            file.write(f"{item.nodeid}\n")
    return report
