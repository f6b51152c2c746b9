"""Rows of one struct as CSV, JSON and Parquet: the same rows, the same bytes."""

import contextlib
import io
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import NoneType
from typing import Any, get_args, get_type_hints

import msgspec
from msgspec import Struct

from agent.contract.errors import SettingsError
from collector import export

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def made(name: str, rows: Sequence[Struct], kind: type[Struct]) -> dict[str, bytes]:
    """Return the files of a table, by their names."""
    return {
        # Programs read this, and the mark would stand in the first column's name.
        f"{name}.csv": export.export(rows, kind, "csv").removeprefix(_BYTE_ORDER_MARK),
        f"{name}.json": _json(rows),
        f"{name}.parquet": _parquet(rows, kind),
    }


def type_of(kind: type[Struct], column: str) -> type:
    """Return a column's Python type, without "or nothing"."""
    hint = get_type_hints(kind)[column]
    found: type = next((one for one in get_args(hint) if one is not NoneType), hint)
    return found


def _json(rows: Sequence[Struct]) -> bytes:
    return b"[\n" + b",\n".join(msgspec.json.encode(row) for row in rows) + b"\n]\n"


def _parquet(rows: Sequence[Struct], kind: type[Struct]) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet

    # Named types: a column that happens to be empty must not change the file's layout.
    types: dict[type, Any] = {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_()}
    schema = pa.schema([(column, types[type_of(kind, column)]) for column in kind.__struct_fields__])
    columns = [[getattr(row, column) for row in rows] for column in kind.__struct_fields__]
    file = io.BytesIO()
    arrays = [pa.array(values, field.type) for values, field in zip(columns, schema, strict=True)]
    pa.parquet.write_table(pa.Table.from_arrays(arrays, schema=schema), file)
    return file.getvalue()


def write(folder: Path, contents: Mapping[str, bytes]) -> None:
    """Write files into a folder, each whole or not at all, the last one last; raises SettingsError."""
    beside = folder / f".{secrets.token_hex(4)}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in contents.items():
            beside.write_bytes(content)
            beside.replace(folder / name)
    except OSError as error:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)
        raise SettingsError(f"cannot write {folder}: {error.strerror or error}") from error
