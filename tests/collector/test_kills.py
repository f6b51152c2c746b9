import os

import pytest

from tests.benchmarks import fleet
from tests.benchmarks.kills import besieged, small_disk
from tests.fakes.outboxes import Outboxes


def test_kill_minus_9_under_load_loses_nothing_that_was_called_stored(tmp_path):
    """The database is killed, then the collector, while reports come in: what was answered is there, once."""
    with besieged(tmp_path) as siege:
        with Outboxes(siege.place.port, fleet.enrolled(siege.place, 6, 3)) as outboxes:
            outboxes.wait_for(100)
            siege.kill_database(outboxes)
            siege.kill_collector(outboxes)
        assert siege.check(outboxes)[1:] == (0, 0)


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to mount a small disk")
def test_a_full_disk_loses_nothing_that_was_called_stored(tmp_path):
    """On a full disk reports are not called stored; when there is room again all goes on by itself."""
    with small_disk(tmp_path) as disk, besieged(disk) as siege:
        with Outboxes(siege.place.port, fleet.enrolled(siege.place, 6, 3), reports=20) as outboxes:
            outboxes.wait_for(100)
            siege.fill_disk(outboxes)
        assert siege.check(outboxes)[1:] == (0, 0)
