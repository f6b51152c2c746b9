"""What a program of the system says, in its own words rather than in the user's language."""

import shutil
import subprocess

_MOST_BYTES = 8 * 1024 * 1024
PLACES = "/usr/bin:/usr/sbin:/bin:/sbin"  # the system's own, whatever PATH says


def answer(name: str, *arguments: str, within_s: float) -> bytes | None:
    """Run a program and return what it prints; None where it is not there, fails or takes too long."""
    found = shutil.which(name, path=PLACES)
    if found is None or within_s <= 0:
        return None
    try:
        done = subprocess.run(
            [found, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=within_s,
            check=False,
            env={"LC_ALL": "C", "PATH": PLACES},
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 and len(done.stdout) <= _MOST_BYTES else None


def text(name: str, *arguments: str, within_s: float) -> str:
    """Run a program as `answer` does and return what it prints as text; empty where it says nothing."""
    return (answer(name, *arguments, within_s=within_s) or b"").decode("utf-8", "replace")
