"""The table of verdicts at the end of a run over the published examples."""

import os

import pytest

from tests.fidelity.verdicts import EXACT, OUT_OF_SCOPE, rows_of, table


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    folder = os.environ.get("MARGIN_ACCEPTANCE")
    if folder is None:
        return
    rows = rows_of(folder)
    terminalreporter.section("published examples")
    for row in rows:
        if row.verdict not in (EXACT, OUT_OF_SCOPE):
            terminalreporter.write_line(
                f"{row.verdict}: {row.area}, {row.case}, {row.field}: "
                f"published {row.expected}, answered {row.observed}"
            )
    for line in table(rows):
        terminalreporter.write_line(line)
