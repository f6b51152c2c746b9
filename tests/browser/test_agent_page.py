"""The agent's own page in a real browser: by keyboard, sound for axe, light and dark, alone with its computer."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from agent.page import Home
from agent.page.server import Site, serving
from agent.settings import Settings
from collector.words import LANGUAGES, Language
from tests.agent.conftest import QUICK, reflector_url  # noqa: F401 (a fixture)
from tests.agent.page.conftest import JUDGES
from tests.browser.browsing import Way, walking
from tests.browser.people import People

_MOST_TABS = 12
_CHECK_MS = 60_000


@pytest.fixture
def computer(tmp_path: Path, reflector_url: str) -> Iterator[People]:  # noqa: F811
    """The page of a computer of no school, which measures against a reflector on loopback."""
    home = Home(state=tmp_path / "state", settings=Settings(probes=QUICK), judges=JUDGES, server=reflector_url)
    with serving(("127.0.0.1", 0), Site(home, pause_s=0.0)) as server:
        address = f"http://127.0.0.1:{server.server_port}"
        yield People(address=address, region="", school="", operator="", month="")


def test_a_check_by_keyboard(chromium: Browser, computer: People, pictures: Path) -> None:
    """Without a mouse to the verdict; the page lives while the check runs, and no state of it is hard to use."""
    with walking(chromium, computer, Way("kk", "both", scripts=True), pictures) as walk:
        walk.open("/")
        for _ in range(_MOST_TABS):
            walk.page.keyboard.press("Tab")
            if walk.page.evaluate("document.activeElement.id") == "begin":
                break
        with walk.page.expect_navigation():
            walk.page.keyboard.press("Enter")
        walk.page.wait_for_selector(".gauge.active", timeout=_CHECK_MS)  # the script heard of a step
        walk.page.wait_for_selector("section.verdict", timeout=_CHECK_MS)
        walk.look()
        walk.picture("agent")
        walk.page.locator("details").first.evaluate("each => { each.open = true; }")
        walk.look()


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "plain"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_before_a_check(
    chromium: Browser, computer: People, pictures: Path, language: Language, *, scripts: bool
) -> None:
    """In the browser's language, with and without scripts."""
    with walking(chromium, computer, Way(language, "both", scripts), pictures) as walk:
        walk.open("/")
        assert walk.page.locator("#begin").is_visible()
