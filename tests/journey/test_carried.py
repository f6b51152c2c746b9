import pytest

pytestmark = pytest.mark.timeout(400)


def test_reports_travel_by_hand_and_the_receipts_back(place):
    """A school without the internet: measured there, carried on a stick, ranked at the ministry, forgotten at home."""
    place.reflect()
    collector = place.serve()
    place.join_a_school()
    collector.terminate()
    collector.wait(30)
    stick = place.folder / "stick"
    stick.mkdir()
    for _ in range(2):
        place.agent("run", "--once", allowed=(1,))
    place.agent("export", str(stick))
    (carried,) = stick.iterdir()
    receipts = stick / "receipts"
    place.collector("reports", "import", str(carried), "--receipts", str(receipts))
    assert place.waiting() == 2
    place.agent("import-receipts", str(receipts))
    assert place.waiting() == 0
    place.collector("reports", "import", str(carried))
    place.serve()
    assert len(set(place.sequences())) == len(place.sequences()) == 2
