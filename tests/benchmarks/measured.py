"""Run a command and print as one JSON line what it did and what it cost (resource usage of the finished child).

    python -m tests.benchmarks.measured TIMEOUT_S COMMAND [ARGUMENT]...

Its own memory (about 12 MiB) is the least that ``rss_mib`` can show: a child's peak counts from the fork on.
"""

import json
import os
import resource
import signal
import subprocess
import sys
import time


def main(timeout_s: float, command: list[str]) -> dict[str, object]:
    """Run the command in a group of its own; all of it is killed when it takes too long (``exit`` is then null)."""
    began = time.monotonic()
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as child:
        try:
            output, errors = child.communicate(timeout=timeout_s)
            code: int | None = child.returncode
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            output, errors = child.communicate()
            code = None
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "wall_s": time.monotonic() - began,
        "cpu_s": used.ru_utime + used.ru_stime,
        "rss_mib": used.ru_maxrss / 1024,
        "exit": code,
        "output": output,
        "errors": errors,
    }


if __name__ == "__main__":
    print(json.dumps(main(float(sys.argv[1]), sys.argv[2:])))
