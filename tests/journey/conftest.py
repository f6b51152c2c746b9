import pytest

from tests.journey.place import Place


@pytest.fixture
def place(tmp_path):
    """A place with nothing running yet."""
    made = Place(tmp_path)
    try:
        yield made
    finally:
        made.stop()
