"""speedtest-cli's upload on a slow line, counted where it is true."""

import sys

import pytest

from agent.contract import measurement
from agent.contract.measurement import Throughput
from tests.lab import namespaces
from tests.lab.namespaces import SERVER_IP, Line

pytestmark = pytest.mark.root


def test_a_slow_upload_is_not_taken_for_a_fast_one(line: Line) -> None:
    """On an uplink of 0.8 Mbit/s, where speedtest-cli itself reads a third too much, nothing above the line is told."""
    line.shape(8e6, 0.8e6)
    command = (sys.executable, "-m", "tests.lab.measure", "ookla", "40", f"server={SERVER_IP}:9000", "max_s=6")
    result = measurement.decode(line.client.run(*command, timeout_s=60).encode())
    assert isinstance(result, Throughput), result
    assert result.upload.counted_at == "acked"
    assert 0.75 < result.upload.ip_bps / namespaces.ip_rate(0.8e6) < 1.03
    assert 0.75 < result.download.ip_bps / namespaces.ip_rate(8e6) < 1.03
