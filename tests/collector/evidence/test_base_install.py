"""A witness needs the base install only."""

import subprocess
import sys

# What netready[collector] brings beyond the base install.
_HEAVY = (
    "psycopg",
    "fastapi",
    "starlette",
    "uvicorn",
    "alembic",
    "sqlalchemy",
    "argon2",
    "authlib",
    "prometheus_client",
)
_REFUSING = f"""
import sys
class Refusing:
    def find_spec(self, name, path=None, target=None):
        if name.partition('.')[0] in {_HEAVY!r}:
            raise ModuleNotFoundError(f'no {{name}} here', name=name)
sys.meta_path.insert(0, Refusing())
from collector.__main__ import main
sys.exit(main(sys.argv[1:]))
"""


def _run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", _REFUSING, *words], capture_output=True, text=True, timeout=60, check=False
    )


def test_a_witness_runs_without_the_collectors_packages(tmp_path) -> None:
    """None of them is asked for on the way to it."""
    done = _run("evidence", "witness", "--show-key", "--state", str(tmp_path), "--name", "me")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("me+")


def test_everything_else_says_what_is_missing() -> None:
    """A sentence, never a traceback."""
    done = _run("serve")
    assert done.returncode == 1
    assert "install netready[collector]" in done.stderr
    assert "Traceback" not in done.stderr
