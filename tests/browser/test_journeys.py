"""Each role's way from the login to its answer: with and without scripts, in three languages, on phone and desk."""

import itertools
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from collector.words import LANGUAGES
from tests.browser.browsing import Way, walking
from tests.browser.people import ROLES, People

WAYS = [Way(language, "both", scripts) for language, scripts in itertools.product(LANGUAGES, (True, False))]
# What each role presses one after the other; the last page has the answer that it came for.
JOURNEYS: dict[str, tuple[str, ...]] = {
    "ministry": ('main a[href^="/regions/"]', 'main a[href^="/districts/"], main a[href^="/schools/"]'),
    "region": ('main a[href^="/districts/"], main a[href^="/schools/"]',),
    "school": ('main a[href^="/rooms/"]', '.menu a[href^="/it/"]'),
    "operator": ('.menu a[href="/verdicts"]', 'main a[href^="/verdicts/"]'),
    "auditor": ('.menu a[href="/breaches"]',),
    "admin": ('.menu a[href="/admin"]', 'main a[href="/admin/registry"]'),
}


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
@pytest.mark.parametrize("role", ROLES)
def test_a_journey(chromium: Browser, collector: People, pictures: Path, role: str, way: Way) -> None:
    """No error, no request to anybody else, nothing grave for axe, no page wider than the screen."""
    with walking(chromium, collector, way, pictures) as walk:
        walk.log_in(role)
        walk.picture(f"{role}-1")
        for number, step in enumerate(JOURNEYS[role], 2):
            walk.press(step)
            walk.picture(f"{role}-{number}")
