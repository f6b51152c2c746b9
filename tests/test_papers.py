"""Papers say what tests show: whatever a paper names has to be there."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
THREATS = ROOT / "packaging" / "papers" / "threats.md"
_NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def rows() -> list[str]:
    lines = THREATS.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line.startswith("| ") and not line.startswith("| threat")]


@pytest.mark.parametrize("row", rows(), ids=lambda row: row.split("|")[1].strip()[:50])
def test_each_threat_has_a_test_that_exists(row) -> None:
    """A threat whose test was renamed or removed is one that nobody looks at any more."""
    named = _NAMED.findall(row)
    assert named, "no test shows it"
    for file, test in named:
        tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
        functions = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
        assert test in functions, f"{file} has no {test}"
