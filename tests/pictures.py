"""Draw the README's pictures anew, from a simulated country: ``python -m tests.pictures`` (Chromium, poppler-utils).

They are drawn as vectors, so that they are text and stay sharp: Chromium prints the page's beginning as the screen
shows it, and pdftocairo turns that into SVG. Each page says itself that its schools are synthetic.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from collector.settings import DatabaseSettings
from collector.store.database import open_database
from tests.browser.browsing import Way, walking
from tests.browser.conftest import LAUNCH, serve
from tests.browser.people import People

FOLDER = Path(__file__).parent.parent / "packaging" / "pictures"
WIDTH_PX = 1200
_LONG_NUMBER = re.compile(r"(\d+\.\d{4})\d+")


def pages(people: People, month: str) -> dict[str, tuple[str, str, int]]:
    """Return who looks at which page, and how much of it is drawn (px), by the picture's name."""
    return {
        "country": ("ministry", "/country", 1640),
        "school": ("ministry", f"/schools/{people.school}", 1300),
        "verdict": ("operator", f"/verdicts/{month}/1/{people.school}?tests=yes", 1500),
    }


def draw(people: People, month: str) -> None:
    """Draw all of them."""
    FOLDER.mkdir(exist_ok=True)
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=LAUNCH)
        for name, (role, path, height) in pages(people, month).items():
            with walking(browser, people, Way("en", "desk", scripts=True), Path(folder)) as walk:
                walk.log_in(role)
                walk.open(path)
                walk.page.emulate_media(media="screen")
                walk.page.set_viewport_size({"width": WIDTH_PX, "height": 900})
                printed = Path(folder) / f"{name}.pdf"
                walk.page.pdf(path=printed, width=f"{WIDTH_PX}px", height=f"{height}px", print_background=True)
                drawn = FOLDER / f"{name}.svg"
                subprocess.run(["pdftocairo", "-svg", "-f", "1", "-l", "1", printed, drawn], check=True)
                drawn.write_text(_LONG_NUMBER.sub(r"\1", drawn.read_text("utf-8")), "utf-8")
                sys.stdout.write(f"{drawn}: {drawn.stat().st_size // 1024} KB\n")
        browser.close()


def main() -> None:
    """Make a country in a database of its own, and draw."""
    with tempfile.TemporaryDirectory(prefix="netready-pictures-") as folder, pytest.MonkeyPatch.context() as patch:
        Path(folder).chmod(0o755)
        patch.setenv("NETREADY_DATA", folder)
        data = str(Path(folder) / "data")
        with open_database(DatabaseSettings(data=data, pool_size=4), make=True) as database:
            for people in serve(database):
                draw(people, people.month)


if __name__ == "__main__":
    main()
