"""One language's way to say things in the pack: texts of its catalogue, and figures as the language writes them."""

from collections.abc import Sequence

from collector.pack.words import WORDS
from collector.words import Figures

_LEAST_CHANCE = 1e-6  # what verdicts round to
_LONGEST = 1_000
_INNER_QUOTES = str.maketrans("«»", "„“")


class Speech(Figures, frozen=True):
    """How one language says things."""

    def say(self, key: str, **values: object) -> str:
        """Return a text of the catalogue with its gaps filled."""
        text: str = getattr(WORDS[key], self.language)
        return text.format(**values) if values else text

    def chance(self, value: float) -> str:
        """Return how likely something is."""
        if value < _LEAST_CHANCE:
            return self.say("below", value=self.share(_LEAST_CHANCE, 4))
        return self.share(value, 4)

    def mbit(self, bps: float) -> str:
        """Return a speed with its unit, given in bit/s."""
        return self.say("mbit", value=self.number(bps / 1e6, 2))

    def hours(self, seconds: float) -> str:
        """Return hours, given in seconds."""
        return self.number(seconds / 3600, 1)

    def cut(self, text: str) -> str:
        """Return somebody's text in one paragraph, without its end where that is far off."""
        plain = " ".join(text.split())
        return plain if len(plain) <= _LONGEST else self.say("cut", text=plain[:_LONGEST])

    def named(self, name: str) -> str:
        """Return a name for between quotation marks: its own ones become those of the second order."""
        return name if self.language == "en" else name.translate(_INNER_QUOTES)

    def either(self, numbers: Sequence[str]) -> str:
        """Return numbers of which each held for a while."""
        return " / ".join(dict.fromkeys(numbers))

    def joined(self, texts: Sequence[str]) -> str:
        """Return a list in one line."""
        return "; ".join(texts)
