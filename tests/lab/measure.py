"""Measure with one probe and print it as JSON. Arguments: NAME DEADLINE_S [KEY=VALUE]..."""

import sys

from agent import probes
from agent.contract import measurement

name, deadline_s, *settings = sys.argv[1:]
probe = probes.make(name, dict(setting.split("=", 1) for setting in settings))
print(measurement.encode(probe.measure(float(deadline_s))).decode())  # noqa: T201
