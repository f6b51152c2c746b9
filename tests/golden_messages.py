"""Writes a generation of golden messages: what the contract of this checkout sends, and what its readers ask for.

Run ``python -m tests.golden_messages NAME`` when a version with a changed contract is released. Files that are there
are never written again: they stand for programs that run in schools.
"""

import base64
import copy
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args

import msgspec
from msgspec import inspect

from agent.contract import measurement, report, wire

GENERATIONS = Path(__file__).parent / "contract" / "golden" / "generations"
# Who reads what; names that a generation does not have yet are left out of it.
BY_AGENTS = ("Policy", "EnrollReply", "BatchReply", "LeaseReply", "RecordReply", "Problem", "Slip", "SchoolCard")
BY_COLLECTORS = (
    *(
        "Report",
        "EnrollRequest",
        "ReportBatch",
        "LeaseRequest",
        "LeaseRelease",
        "RecordBatch",
        "ServerRecord",
        "Header",
    ),
)
_PATTERNS = {
    "^[0-9a-f]{32}$": "0f" * 16,
    "^[0-9a-f]{64}$": "0f" * 32,
    "^[0-9a-f]{16,64}$": "0f" * 16,
    "^[0-9a-f]{40}$": "0f" * 20,
    "^([01][0-9]|2[0-3]):[0-5][0-9]$": "08:30",
    "^[0-9A-Za-z._-]{1,64}$": "test-1",
    "^([0-9a-f]{2}){0,32}$": "d2b1",
    "^([0-9a-f]{2}:){5}[0-9a-f]{2}$": "02:00:5e:10:00:01",
    "^[A-Za-z0-9_-]{1,2985}[.][A-Za-z0-9_-]{86}$": f"e30.{'A' * 86}",
    "^(board|system):[0-9a-f]{64}$": f"board:{'0f' * 32}",
}


def kinds() -> dict[str, type]:
    """Return the messages of this checkout's contract by name."""
    found: dict[str, type] = {}
    modules = [wire, report]
    for name in ("carried", "record"):
        try:
            modules.append(__import__(f"agent.contract.{name}", fromlist=["x"]))
        except ModuleNotFoundError:
            continue  # an older contract
    for module in modules:
        found |= {name: kind for name in (*BY_AGENTS, *BY_COLLECTORS) if (kind := getattr(module, name, None))}
    return found


def measurements() -> dict[str, type]:
    """Return the kinds of measurements of this checkout's contract by their tag."""
    return {str(inspect.type_info(kind).tag): kind for kind in get_args(measurement.Measurement)}


def stored(kind: type) -> dict[str, Any]:
    """Return messages of a kind as they are kept: the least, the whole one, and the words that may stand where."""
    info = inspect.type_info(kind)
    kept = {"least": _sample(info, whole=False), "whole": _sample(info, whole=True), "words": [*_words(info)]}
    for message in unfolded(kept):
        msgspec.json.decode(msgspec.json.encode(message), type=kind)
    return kept


def unfolded(kept: dict[str, Any]) -> Iterator[Any]:
    """Give each message of a kept kind: with no field that may be left out, with all, and with each word in turn."""
    yield kept["least"]
    yield kept["whole"]
    for path, word in kept["words"]:
        made = copy.deepcopy(kept["whole"])
        place = made
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = word
        yield made


def _sample(info: Any, *, whole: bool) -> Any:
    if type(info) in _PLAIN:
        return _PLAIN[type(info)]
    return _MADE[type(info)](info, whole)


def _text(info: inspect.StrType, _: bool) -> str:
    return _PATTERNS[info.pattern] if info.pattern else "ә" * max(3, info.min_length or 0)


def _number(info: Any, step: float) -> float:
    least = info.ge if info.ge is not None else info.gt
    most = info.le if info.le is not None else info.lt
    candidate = step if least is None else least + step
    return candidate if most is None else min(candidate, most)


def _first(info: inspect.UnionType) -> Any:
    return next(one for one in info.types if not isinstance(one, inspect.NoneType))


def _struct(info: inspect.StructType, *, whole: bool) -> dict[str, Any]:
    made = {} if info.tag_field is None else {info.tag_field: info.tag}
    wanted = (field for field in info.fields if whole or field.required)
    return made | {field.encode_name: _sample(field.type, whole=whole) for field in wanted}


_PLAIN: dict[type, Any] = {
    inspect.BoolType: True,
    inspect.DateTimeType: "2026-11-22T09:17:05.250000+05:00",
    inspect.DateType: "2026-11-22",
    inspect.AnyType: {},
    inspect.RawType: {},
}
_MADE: dict[type, Callable[[Any, bool], Any]] = {
    inspect.Metadata: lambda info, whole: _sample(info.type, whole=whole),
    inspect.StructType: lambda info, whole: _struct(info, whole=whole),
    inspect.UnionType: lambda info, whole: _sample(_first(info), whole=whole),
    inspect.LiteralType: lambda info, _: info.values[0],
    inspect.VarTupleType: lambda info, whole: [_sample(info.item_type, whole=whole)] * max(1, info.min_length or 0),
    inspect.TupleType: lambda info, whole: [_sample(each, whole=whole) for each in info.item_types],
    inspect.DictType: lambda info, whole: {_sample(info.key_type, whole=whole): _sample(info.value_type, whole=whole)},
    inspect.StrType: _text,
    inspect.BytesType: lambda info, _: base64.b64encode(b"\xff" * (info.min_length or 3)).decode(),
    inspect.IntType: lambda info, _: _number(info, 1),
    inspect.FloatType: lambda info, _: _number(info, 0.5),
}


def _words(info: inspect.StructType) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Give every word of the closed lists but the first, with its place in the whole message."""
    for field in info.fields:
        for path, literal in _literals(field.type, (field.encode_name,)):
            yield from ((path, word) for word in literal.values[1:])


def _literals(info: Any, path: tuple[Any, ...]) -> Iterator[tuple[tuple[Any, ...], inspect.LiteralType]]:
    match info:
        case inspect.Metadata():
            yield from _literals(info.type, path)
        case inspect.LiteralType():
            yield path, info
        case inspect.UnionType():
            yield from _literals(_first(info), path)
        case inspect.VarTupleType() | inspect.ListType():
            yield from _literals(info.item_type, (*path, 0))
        case inspect.StructType():
            for field in info.fields:
                yield from _literals(field.type, (*path, field.encode_name))


def generation() -> dict[str, Any]:
    """Return what this checkout's contract sends, each message proved by its own reader, and what its readers ask."""
    made: dict[str, Any] = {"messages": {}, "measurements": {}, "readers": {}, "measured": {}}
    for name, kind in kinds().items():
        made["messages"][name], made["readers"][name] = stored(kind), msgspec.json.schema(kind)
    for name, kind in measurements().items():
        made["measurements"][name], made["measured"][name] = stored(kind), msgspec.json.schema(kind)
    return made


def main(name: str) -> None:
    """Write the generation of this checkout."""
    GENERATIONS.mkdir(parents=True, exist_ok=True)
    made = generation()
    with (GENERATIONS / f"{name}.json").open("x", encoding="utf-8") as file:
        json.dump(made, file, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        file.write("\n")


if __name__ == "__main__":
    main(sys.argv[1])
