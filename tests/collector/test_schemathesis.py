"""The whole OpenAPI document, asked with what it allows and with what it does not: nothing is ever an error of ours."""

import contextlib
from datetime import UTC, datetime

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode

from collector import access
from collector.app import make_app
from collector.settings import Settings
from tests.collector.conftest import serving

EXAMPLES = {GenerationMode.POSITIVE: 5, GenerationMode.NEGATIVE: 5}


@pytest.fixture
def served(database, add_school, enrolled):
    """A collector with a school, and the header of a token that may do everything."""
    add_school("0007", operator="Operator A", download_contracted_bps=50_000_000)
    enrolled("0007")
    with database.owning() as connection:
        token = access.create(
            connection, role="admin", scope=None, name="t", days=None, now=datetime.now(UTC), rights=access.RIGHTS
        )
    with serving(make_app(database, Settings())) as address:
        yield address, {"authorization": f"Bearer {token}"}


@pytest.mark.parametrize("mode", list(EXAMPLES), ids=lambda mode: mode.value)
def test_no_request_is_answered_with_an_error_of_ours(served, mode):
    """Every operation of the document, with and without its login: never a 500, always an answer."""
    address, header = served
    schema = schemathesis.openapi.from_url(f"{address}/openapi.json")
    operations = [found.ok() for found in schema.get_all_operations()]
    assert len(operations) > 15
    asked = 0
    for operation in operations:

        @settings(
            max_examples=EXAMPLES[mode],
            deadline=None,
            derandomize=True,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(generation_mode=mode))
        def ask(case):
            answer = case.call(base_url=address, headers=header, timeout=20)
            assert answer.status_code < 500, (
                case.method,
                case.formatted_path,
                answer.text,
            )

        # What has no parameter and no body cannot be asked wrongly.
        with contextlib.suppress(Unsatisfiable):
            ask()
            asked += 1
    assert asked > len(operations) / 2
