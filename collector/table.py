"""A ranking as a table in the terminal."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from collector.rankings import GroupRow, Ranking, Row

_GAP = 2  # rich's padding between columns
_SHORTEST_NAME = 8
_WORDS = ("Id", "Answer", "Line")
_ANSWER = {
    True: Text("✔ meets", style="green"),
    False: Text("✘ below", style="red"),
    None: Text("? no answer", style="dim"),
}


def print_ranking(
    ranking: Ranking, rows: Sequence[Row], period: str, console: Console | None = None, mark: str | None = None
) -> None:
    """Print rows as people read them; ``mark`` names an id that stands out."""
    out = console or Console()
    if not rows:
        out.print("Nothing to rank yet: import the registry with 'netready-collector schools import FILE'.")
        return
    columns = _columns(ranking, rows)
    table = Table(
        title=f"{ranking.title}, {period}", title_justify="left", box=None, pad_edge=False, header_style="bold"
    )
    taken = sum(max(_width(heading), *(len(cell) for cell in cells)) + _GAP for heading, cells in columns.items())
    longest = max(len(cell) for cell in columns["Name"])
    room = max(_SHORTEST_NAME, out.width - taken + max(longest, len("Name")))
    for heading in columns:
        if heading == "Name":  # a name may be cut, a figure never
            table.add_column(heading, overflow="ellipsis", no_wrap=True, max_width=room)
        else:
            table.add_column(heading, justify="left" if heading in _WORDS else "right", no_wrap=True)
    for row, *cells in zip(rows, *columns.values(), strict=True):
        table.add_row(*cells, style="bold reverse" if row.id == mark else "")
    out.print(table)
    note = "Mbit/s at the IP layer, typical (median); '? no answer': too few tests to judge, or no line."
    if any(row.synthetic for row in rows):
        note += " Contains SYNTHETIC schools made by 'simulate'."
    out.print(note, style="dim", highlight=False)


def _columns(ranking: Ranking, rows: Sequence[Row]) -> dict[str, list[Text]]:
    texts = {
        "#": ["–" if row.rank is None else str(row.rank) for row in rows],
        "Id": [row.id for row in rows],
        "Name": [row.name for row in rows],
    }
    says_it_all = ranking.is_of_groups and bool(ranking.columns)
    if texts["Id"] == texts["Name"] or says_it_all:
        del texts["Id"]
    if ranking.shows_speeds:
        texts |= _speeds(rows)
    if ranking.columns:
        texts.pop("Tests", None)  # eighty columns are full
    for column in ranking.columns:
        if not column.is_wide:
            shown = [column.words(row) for row in rows]
            texts[column.heading.replace(" ", "\n")] = [
                remark if column.of and remark else word for word, remark in shown
            ]
    # Text, not str: a school's name is never read as rich's markup.
    columns = {heading: [Text(cell) for cell in cells] for heading, cells in texts.items()}
    if says_it_all:
        return columns
    return columns | {"Answer" if ranking.shows_speeds else "Line": [_answer(row) for row in rows]}


def _width(heading: str) -> int:
    return max(map(len, heading.split("\n")))


def _speeds(rows: Sequence[Row]) -> dict[str, list[str]]:
    return {
        "Down / need": [
            f"{_speed(row.download_bps, row.download_at_least_bps)} / {_mbit(row.required_download_bps)}"
            for row in rows
        ],
        "Up / need": [
            f"{_speed(row.upload_bps, row.upload_at_least_bps)} / {_mbit(row.required_upload_bps)}" for row in rows
        ],
        "Tests": [str(row.tests) for row in rows],
    }


def _answer(row: Row) -> Text:
    if isinstance(row, GroupRow) and row.judged:
        return Text(f"{row.ready} of {row.judged} meet")
    return _ANSWER[row.meets]


def _speed(typical_bps: float | None, at_least_bps: float | None) -> str:
    if typical_bps is None and at_least_bps is not None:
        return f"≥{_mbit(at_least_bps)}"
    return _mbit(typical_bps)


def _mbit(bps: float | None) -> str:
    return "–" if bps is None else f"{bps / 1e6:.1f}"
