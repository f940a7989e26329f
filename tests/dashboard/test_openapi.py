"""The document that the server gives of itself holds for whatever is asked by it."""

from collections.abc import Iterator

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import positive_data_acceptance

from tests.support.live_driver import Firm, account, cash, fill, instrument, price
from tests.support.served_dashboard import TOKEN, Served, served

EXAMPLES = 8


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    firm = Firm(tmp_path_factory.mktemp("firm"))
    firm.run(
        accounts=[account("A")],
        instruments=[instrument("X")],
        prices=[price("X", "100")],
        cash_movements=[cash("M", "A", "6000")],
        fills=[fill("F", "100", "100")],
    )
    with served(firm) as found:
        found.sees(1, "tables")
        yield found


def test_whatever_is_asked_is_answered_as_documented(server: Served):
    schema = schemathesis.openapi.from_url(f"{server.url}/api/openapi.json")
    headers = {"Authorization": f"Bearer {TOKEN}"}
    asked = []

    for found in schema.get_all_operations():
        assert isinstance(found, Ok)
        operation = found.ok()
        asked.append(operation.label)

        @given(case=operation.as_strategy())
        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            derandomize=True,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        def holds(case: schemathesis.Case) -> None:
            # Whether a text is an order no pattern says: what is none is refused by 400.
            of_text = [positive_data_acceptance] if case.path.endswith("/check") else []
            case.call_and_validate(headers=headers, excluded_checks=of_text)

        holds()

    assert len(asked) == 26
