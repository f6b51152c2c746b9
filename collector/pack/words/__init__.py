"""Everything that the pack says, in Kazakh, Russian and English, side by side.

Each is a whole sentence or a whole label: nothing is ever joined from pieces, since endings follow the words around
them. Names of places and people stand in quotation marks or beside a word that takes the ending for them.
"""

from collector.pack.words import appendix, disputes, front
from collector.pack.words.said import LANGUAGES, Language, Said

__all__ = ("LANGUAGES", "WORDS", "Language", "Said")

WORDS: dict[str, Said] = front.WORDS | disputes.WORDS | appendix.WORDS
"""The catalogue, by key."""
