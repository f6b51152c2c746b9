import io

import msgspec
from rich.console import Console

from collector import rankings
from collector.rankings.schools import Row
from collector.table import print_ranking


def school(number: int, name: str) -> Row:
    """Return a judged school."""
    return Row(
        rank=number,
        id=f"SYN-{number:06}",
        name=name,
        tests=104,
        download_bps=101.5e6,
        upload_bps=99.4e6,
        required_download_bps=58.5e6,
        required_upload_bps=5e6,
        meets=True,
        synthetic=False,
        region="KZ-75",
        district=None,
        operator=None,
        connectivity_type=None,
        pupils=None,
        computers=1,
        state="ready",
        reason="",
    )


def shown(*rows: Row, width: int = 80) -> str:
    """Print rows as on a terminal of this width."""
    console = Console(file=io.StringIO(), width=width)
    print_ranking(rankings.get("schools"), rows, "2026-Q4", console)
    return console.file.getvalue()


def test_names_are_cut_and_figures_never():
    """On a terminal of 80 columns every figure is whole."""
    text = shown(school(1, "A very long name of a school " * 4))
    assert "…" in text
    assert "101.5 / 58.5" in text
    assert "✔ meets" in text


def test_what_paced_tests_prove_is_marked():
    """A lower bound is never shown as a speed."""
    paced = msgspec.structs.replace(school(1, "One"), download_bps=None, download_at_least_bps=87.2e6)
    assert "≥87.2 / 58.5" in shown(paced)


def test_a_name_with_markup_is_text():
    """A registry cannot colour, break or end the table."""
    assert "[/red][bold]x" in shown(school(1, "[/red][bold]x"))


def test_nothing_to_rank_says_what_to_do():
    """An empty ranking is no empty table."""
    assert "schools import" in shown()
