"""Every page that links lead to: it answers, it speaks the language, and it tells nobody of what is others's."""

import re
from collections import deque
from collections.abc import Iterator
from contextlib import closing
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

import httpx
import pytest

from collector.words import LANGUAGES, Language, tongue
from tests.browser.people import PASSWORD, ROLES, People

_MOST_PAGES = 120  # of one role in one language
_ALIKE = 2  # pages of one kind that are looked at: the address without its numbers and names
_TOKEN = re.compile(r'name="form_token" value="([0-9a-f]{64})"')
# Two English words in a row that no element marks as a name, a command or somebody's own text.
_ENGLISH = re.compile(r"\b[A-Za-z]{2,}(?:['’]s)? [a-z]{2,}\b")
_OWN_WORDS = re.compile(r"netready\S*|GitHub|Wi-?Fi|Mbit/s|[A-Z]{2,}[-0-9A-Z]*")
_VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
_NOT_OURS = {"bdi", "cite", "code", "pre", "script", "style", "option"}


class Seen(HTMLParser):
    """What a page says and where it leads; what is marked as another language, a name or a command is not ours."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.words: list[str] = []
        self.language = ""
        self._around: list[tuple[str, bool]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = dict(attrs)
        if tag == "html":
            self.language = known.get("lang") or ""
        if tag == "a" and known.get("href"):
            self.links.append(str(known["href"]))
        for name in ("aria-label", "title", "placeholder", "alt"):
            if known.get(name) and not self._is_foreign:
                self.words.append(str(known[name]))
        if tag not in _VOID:
            self._around.append((tag, tag in _NOT_OURS or (tag != "html" and "lang" in known)))

    def handle_endtag(self, tag: str) -> None:
        while self._around:
            if self._around.pop()[0] == tag:
                return

    def handle_data(self, data: str) -> None:
        if data.strip() and not self._is_foreign:
            self.words.append(" ".join(data.split()))

    @property
    def _is_foreign(self) -> bool:
        return any(foreign for _, foreign in self._around)


class Visitor:
    """Somebody with an account, walking every link."""

    def __init__(self, people: People, role: str, language: Language) -> None:
        self.http = httpx.Client(base_url=people.address, headers={"accept-language": language}, timeout=60)
        page = self.http.get("/login").text
        found = _TOKEN.search(page)
        assert found is not None
        fields = {"form_token": found[1], "name": f"the-{role}", "password": PASSWORD, "then": "/"}
        answer = self.http.post("/login", data=fields, headers={"origin": people.address})
        assert answer.status_code == 303, answer.text

    def pages(self) -> Iterator[tuple[str, httpx.Response]]:
        """Yield the pages that links lead to, the nearest first, few of each kind."""
        waiting, known, kinds = deque(["/"]), {"/"}, dict[str, int]()
        count = 0
        while waiting and count < _MOST_PAGES:
            path = waiting.popleft()
            kind = _kind(path)
            kinds[kind] = kinds.get(kind, 0) + 1
            if kinds[kind] > _ALIKE:
                continue
            answer = self.http.get(path, follow_redirects=True)
            count += 1
            yield path, answer
            if answer.headers["content-type"].startswith("text/html"):
                for link in Seen(answer.text).links:
                    there = urlsplit(urljoin(str(answer.url), link))
                    address = there.path + (f"?{there.query}" if there.query else "")
                    is_ours = there.netloc == urlsplit(str(self.http.base_url)).netloc
                    if is_ours and address not in known and "lang=" not in there.query and there.path != "/logout":
                        known.add(address)
                        waiting.append(address)


def _kind(path: str) -> str:
    parts = urlsplit(path)
    names = sorted({pair.partition("=")[0] for pair in parts.query.split("&") if pair})
    places = parts.path.split("/")
    return "/".join(places[:2] + ["*" for _ in places[2:]]) + "?" + "&".join(names)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("role", ROLES)
def test_every_page_answers_in_the_language(collector: People, role: str, language: Language) -> None:
    """No link leads to an error; no page but the API's own document has a sentence in another language."""
    wrong = []
    visitor = Visitor(collector, role, language)
    with closing(visitor.http):
        answers = list(visitor.pages())
    for path, answer in answers:
        if answer.status_code != 200:
            wrong.append(f"{path}: {answer.status_code}")
        elif answer.headers["content-type"].startswith("text/html"):
            seen = Seen(answer.text)
            if seen.language != language:
                wrong.append(f"{path}: in {seen.language}")
            if language != "en" and not path.startswith("/docs"):
                wrong += [f"{path}: {text[:90]!r}" for text in seen.words if _ENGLISH.search(_OWN_WORDS.sub("", text))]
    if wrong:
        pytest.fail("\n".join(sorted(set(wrong))))


def test_an_untranslated_sentence_is_found() -> None:
    """The check sees plain English, and not what is marked as a name."""
    page = '<html lang="kk"><p>Not translated here</p><p>Мектеп <bdi>Some School here</bdi> <b>LAN</b></p></html>'
    assert [text for text in Seen(page).words if _ENGLISH.search(_OWN_WORDS.sub("", text))] == ["Not translated here"]
    assert tongue("kk").text("Log in") != "Log in"
