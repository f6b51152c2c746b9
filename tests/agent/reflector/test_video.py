"""Segments of a video lesson, asked for by ordinary HTTP clients and by ones that misbehave."""

import httpx
import pytest

from agent.meter.player import MAX_SEGMENT_BYTES


@pytest.mark.parametrize("length", [1, 625_000, 1_000_001])
def test_a_segment_is_as_long_as_asked_for(server: str, length: int) -> None:
    """Exactly so many bytes come, and nothing keeps or compresses them."""
    answer = httpx.get(f"http://{server}/video/segment?bytes={length}")
    assert (answer.status_code, len(answer.content)) == (200, length)
    assert "no-store" in answer.headers["cache-control"]


def test_one_after_the_other_over_one_connection(server: str) -> None:
    """A player keeps its connection."""
    with httpx.Client(base_url=f"http://{server}") as client:
        for _ in range(3):
            answer = client.get("/video/segment?bytes=1000")
            assert answer.headers["connection"] == "keep-alive"


@pytest.mark.parametrize(
    "query", ["", "?bytes=", "?bytes=0", f"?bytes={MAX_SEGMENT_BYTES + 1}", "?bytes=-1", "?bytes=x"]
)
def test_a_length_out_of_bounds(server: str, query: str) -> None:
    """No length, none at all, a negative one and too much are answered 400, and the parameter is named."""
    answer = httpx.get(f"http://{server}/video/segment{query}")
    assert answer.status_code == 400
    assert "bytes" in answer.json()["detail"]


def test_a_head_without_a_body(server: str) -> None:
    """HEAD tells the length and sends nothing."""
    answer = httpx.head(f"http://{server}/video/segment?bytes=5000")
    assert (answer.headers["content-length"], answer.content) == ("5000", b"")
