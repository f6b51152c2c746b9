"""A ranking as a table in the terminal."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from collector.rankings import Ranking, Row

_ANSWER = {
    True: Text("✔ meets", style="green"),
    False: Text("✘ below", style="red"),
    None: Text("? not enough", style="dim"),
}


def print_ranking(
    ranking: Ranking, rows: Sequence[Row], period: str, console: Console | None = None, mark: str | None = None
) -> None:
    """Print rows as people read them; ``mark`` names an id that stands out."""
    table = Table(
        title=f"{ranking.title}, {period}", title_justify="left", box=None, pad_edge=False, header_style="bold"
    )
    table.add_column("#", justify="right", no_wrap=True)
    table.add_column("Id", no_wrap=True)
    table.add_column("Name", overflow="ellipsis", no_wrap=True, ratio=1)
    for heading in ("Down / need", "Up / need", "Tests", "Answer"):
        table.add_column(heading, justify="left" if heading == "Answer" else "right", no_wrap=True)
    for row in rows:
        table.add_row(
            "–" if row.rank is None else str(row.rank),
            row.id,
            row.name,
            f"{_mbit(row.download_bps)} / {_mbit(row.required_download_bps)}",
            f"{_mbit(row.upload_bps)} / {_mbit(row.required_upload_bps)}",
            str(row.tests),
            _answer(row),
            style="bold reverse" if row.id == mark else "",
        )
    out = console or Console()
    if not rows:
        out.print("Nothing to rank yet: import the registry with 'netready-collector schools import FILE'.")
        return
    out.print(table)
    note = "Mbit/s at the IP layer, typical (median)."
    if any(row.synthetic for row in rows):
        note += " Contains SYNTHETIC schools made by 'simulate'."
    out.print(note, style="dim", highlight=False)


def _answer(row: Row) -> Text:
    judged = getattr(row, "judged", None)
    if judged is None:
        return _ANSWER[row.meets]
    return Text(
        f"{getattr(row, 'ready', 0)} of {judged} schools meet" if judged else "? not enough",
        style="" if judged else "dim",
    )


def _mbit(bps: float | None) -> str:
    return "–" if bps is None else f"{bps / 1e6:.1f}"
