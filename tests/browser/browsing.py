"""A person's browser in a test: logs in, walks, and notes what no page may do."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, Route

from collector.words import Language
from tests.browser.people import PASSWORD, People

WIDTHS = {"phone": (360, 740), "desk": (1440, 900)}
_GRAVE = ("serious", "critical")


class Way(NamedTuple):
    """How somebody looks at pages; ``width`` is one of WIDTHS, or both: each page is looked at in both."""

    language: Language
    width: str
    scripts: bool

    @property
    def name(self) -> str:
        """What tests and pictures are called by."""
        return f"{self.language}-{self.width}-{'scripts' if self.scripts else 'plain'}"


class Walk:
    """A browser of one person, and what went wrong on its way."""

    def __init__(self, people: People, context: BrowserContext, way: Way, pictures: Path) -> None:
        self.people, self.way, self.pictures = people, way, pictures
        self.wrong: list[str] = []
        context.route("**/*", self._let_through)
        self.page: Page = context.new_page()
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.wrong.append(f"script: {error}"))
        self.page.on("response", lambda answer: self._answered(answer.status, answer.url))

    def open(self, path: str) -> None:
        """Open an address of the collector, and look whether the page is sound."""
        self.page.goto(self.people.address + path)
        self.look()

    def log_in(self, role: str) -> None:
        """Log in as the account of a role, and come to where it begins."""
        self.open("/login?then=/")
        self.page.fill("input[name=name]", f"the-{role}")
        self.page.fill("input[name=password]", PASSWORD)
        self.press("button.first")

    def press(self, selector: str) -> None:
        """Press the first visible thing of this kind, and wait for the page that comes."""
        with self.page.expect_navigation():
            self.page.locator(selector).locator("visible=true").first.click()
        self.look()

    def picture(self, name: str) -> None:
        """Keep what is seen, whole, at each width. Without scripts pages look the same: once is enough."""
        for width in self._widths() if self.way.scripts else ():
            self.page.screenshot(path=self.pictures / f"{name}-{self.way.language}-{width}.png", full_page=True)

    def look(self) -> None:
        """Note what no page may be: wider than the screen, in another language, without a heading, hard to use."""
        where = urlsplit(self.page.url).path
        if self.page.locator("html").get_attribute("lang") != self.way.language:
            self.wrong.append(f"{where}: not in {self.way.language}")
        if self.page.locator("h1").count() != 1:
            self.wrong.append(f"{where}: {self.page.locator('h1').count()} first headings")
        for width in self._widths() if self.way.scripts else ():
            wide, screen = self.page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
            if wide > screen + 1:
                self.wrong.append(f"{where}: {wide} px wide on a screen of {screen}")
            if self.way.language == "kk":  # the same elements in each language; it takes a second a page
                self._ask_axe(f"{where} ({width})")

    def _widths(self) -> Iterator[str]:
        """Give the page each width of the way in turn; where it has both, the desk is light and the phone dark."""
        if self.way.width != "both":
            yield self.way.width
            return
        for name, dark in (("desk", False), ("phone", True)):
            width, height = WIDTHS[name]
            self.page.set_viewport_size({"width": width, "height": height})
            self.page.emulate_media(color_scheme="dark" if dark else "light")
            yield name

    def _ask_axe(self, where: str) -> None:
        for found in Axe().run(self.page).response["violations"]:
            if found["impact"] in _GRAVE:
                nodes = "; ".join(node["html"][:160] for node in found["nodes"][:3])
                self.wrong.append(f"{where}: axe {found['id']} ({found['impact']}): {nodes}")

    def _let_through(self, route: Route, request: Request) -> None:
        if urlsplit(request.url).hostname in ("127.0.0.1", None):
            route.continue_()
            return
        self.wrong.append(f"asks {request.url}")
        route.abort()

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.wrong.append(f"console: {message.text}")

    def _answered(self, status: int, url: str) -> None:
        if status >= 400:
            self.wrong.append(f"{status}: {urlsplit(url).path}")


@contextlib.contextmanager
def walking(browser: Browser, people: People, way: Way, pictures: Path, *, dark: bool = False) -> Iterator[Walk]:
    """Open a fresh browser; when it is closed nothing may have gone wrong in it."""
    width, height = WIDTHS["desk" if way.width == "both" else way.width]
    context = browser.new_context(
        viewport={"width": width, "height": height},
        java_script_enabled=way.scripts,
        locale={"kk": "kk-KZ", "ru": "ru-RU", "en": "en-GB"}[way.language],
        color_scheme="dark" if dark else "light",
    )
    context.set_default_timeout(20_000)
    try:
        walk = Walk(people, context, way, pictures)
        yield walk
        if walk.wrong:
            pytest.fail("\n".join(walk.wrong))
    finally:
        context.close()
