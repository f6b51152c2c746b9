"""speedtest-cli as it is, with its requests for Ookla's hosts sent to a reflector; prints its own JSON.

python -W ignore -m tests.benchmarks.speedtest_cli HOST:PORT
"""

import sys
from typing import Any

import speedtest  # noqa: TID253 - this process is there for nothing else

_build = speedtest.build_request
_place = sys.argv[1]


def _build_for_us(url: str, *arguments: Any, **options: Any) -> Any:
    for host in ("www.speedtest.net", "c.speedtest.net"):
        url = url.replace(f"://{host}/", f"://{_place}/")
    return _build(url, *arguments, **options)


speedtest.build_request = _build_for_us
sys.argv[1:] = ["--json"]
speedtest.main()
