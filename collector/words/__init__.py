"""What people read in Kazakh, Russian and English: sentences with gaps, catalogues, figures and the Kazakh alphabet.

Texts stand in the code and the templates in English, as whole sentences with {named} gaps. ``kk`` and ``ru`` hold a
gettext catalogue for each room of the house (``python -m tests.words`` brings them up to date; a test fails on one that
is missing, fuzzy or lacks a gap). A gap holds a figure or a name as it stands: units and names are never declined.
"""

from collector.words.figures import Figures
from collector.words.languages import LANGUAGES, NAMES, Language, chosen
from collector.words.sentence import Sentence, counted, mark, say
from collector.words.tongue import Tongue, tongue

__all__ = (
    "LANGUAGES",
    "NAMES",
    "Figures",
    "Language",
    "Sentence",
    "Tongue",
    "chosen",
    "counted",
    "mark",
    "say",
    "tongue",
)
