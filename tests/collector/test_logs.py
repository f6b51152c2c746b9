import io
import json
import logging

import pytest

from collector import logs
from collector.settings import LogSettings


@pytest.fixture
def lines():
    """Write logs into memory; the root logger is as it was afterwards."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    kept = io.StringIO()

    def configure(form: str, process: str | None = None) -> io.StringIO:
        logs.configure(LogSettings(format=form), process, kept)
        return kept

    yield configure
    root.handlers[:], root.level = handlers, level


def test_an_event_is_one_line_of_json(lines):
    """Whatever is in it: line feeds, quotes, Kazakh letters, a trace, fields."""
    kept = lines("json", "worker-1")
    log = logging.getLogger("collector.test")
    token = logs.request_id.set("0123456789abcdef")
    try:
        log.info('two\nlines and "quotes" мектеп', extra={"fields": {"route": "/x", "status": 200}})
        try:
            {}["x"]
        except KeyError:
            log.exception("it broke")
    finally:
        logs.request_id.reset(token)
    log.warning("outside")
    first, second, third = (json.loads(line) for line in kept.getvalue().splitlines())
    assert first["event"] == 'two\nlines and "quotes" мектеп'
    assert (first["level"], first["process"], first["request"]) == ("info", "worker-1", "0123456789abcdef")
    assert (first["route"], first["status"]) == ("/x", 200)
    assert "KeyError: 'x'" in second["trace"]
    assert "request" not in third


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize(
    "secret",
    [
        "postgresql://netready:hunter2hunter2@db/netready",
        "Authorization: Bearer nr_hunter2hunter2hunter2",
        "Netready 0123456789abcdef:hunter2hunter2hunter2",
        "password='hunter2hunter2'",
        "token=hunter2hunter2 was refused",
        "the token nr_hunter2hunter2_-abc",
    ],
)
def test_a_secret_is_masked_whoever_logs_it(lines, form, secret):
    """Neither in the sentence nor in a trace."""
    kept = lines(form)
    try:
        int(secret)
    except ValueError:
        logging.getLogger("elsewhere").exception("cannot use %s", secret)
    assert "hunter2" not in kept.getvalue()
    assert "cannot use" in kept.getvalue()


def test_ordinary_sentences_are_left_alone(lines):
    """Masking takes nothing that is no secret."""
    kept = lines("text")
    sentence = "the token of school 42 has 3 uses left; basic settings; https://netready.example/schools/42"
    logging.getLogger("x").info(sentence)
    assert sentence in kept.getvalue()
