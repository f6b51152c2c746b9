"""Every text of the page in Kazakh, Russian and English; whole sentences, chosen by the codes in a report."""

from agent.page.words.fixes import ADVICE, DEFECTS, FIXES
from agent.page.words.frame import FRAME
from agent.page.words.said import LANGUAGES, Language, Said
from agent.page.words.verdicts import CAUSES, SPEEDS

__all__ = ("ADVICE", "CAUSES", "DEFECTS", "FIXES", "FRAME", "LANGUAGES", "SPEEDS", "Language", "Said")
