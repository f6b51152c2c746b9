"""What a program of the system says of Wi-Fi, in its own words rather than in the user's language."""

import shutil
import subprocess

_MOST_BYTES = 8 * 1024 * 1024
_PLACES = "/usr/bin:/usr/sbin:/bin:/sbin"  # the system's own, whatever PATH says


def answer(name: str, *arguments: str, within_s: float) -> bytes | None:
    """Run a program and return what it prints; None where it is not there, fails or takes too long."""
    found = shutil.which(name, path=_PLACES)
    if found is None or within_s <= 0:
        return None
    try:
        done = subprocess.run(
            [found, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=within_s,
            check=False,
            env={"LC_ALL": "C", "PATH": _PLACES},
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 and len(done.stdout) <= _MOST_BYTES else None
