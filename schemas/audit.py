"""Tables an auditor reads: cycles, what became of landed files, decisions, validations."""

import dataframely as dy

from schemas import columns
from schemas.landed import ACCOUNT_TYPES


class Cycles(dy.Schema):
    """One step in a cycle's life: planned, then sealed. The ledger of the lake."""

    cycle = columns.cycle(key=True)
    state = dy.String(
        primary_key=True, regex="^(planned|sealed)$", description="`planned` or `sealed`."
    )
    manifest = dy.String(description="JSON of the plan: files in order, bounds, rulebooks.")
    as_of = columns.instant("Sealed: last evaluated grid point; null before any.", nullable=True)
    table_versions = dy.String(description="Sealed: JSON, version of every table.")
    digests = dy.String(description="Sealed: JSON, SHA-256 of what the cycle wrote, by table.")
    counts = dy.String(description="Sealed: JSON, rows by table, files, duplicates, late.")
    previous_hash = dy.String(description="Hash of the cycle before; zeros for the first.")
    hash = dy.String(description="Sealed: SHA-256 over plan, digests and previous hash.")


class LandedFiles(dy.Schema):
    """One landed file and what became of its rows."""

    file_id = columns.file_id()
    feed = dy.String(description="Feed folder, or empty for a file outside every feed.")
    path = dy.String(description="Path below the landing folder, as data.")
    bytes = columns.count("Size of the file.")
    landed_at = columns.instant("Its modification time in the store.")
    status = columns.code(
        "What became of it.", ("accepted", "redelivered", "quarantined", "ignored", "empty")
    )
    rows_read = columns.count("Rows or lines read.")
    rows_accepted = columns.count("Rows accepted.")
    rows_duplicate = columns.count("Rows seen before, dropped.")
    rows_quarantined = columns.count("Rows quarantined.")
    rows_late = columns.count("Accepted rows that were late.")
    extra_columns = dy.String(
        description="Columns that the table has not, comma-separated: kept beside it or ignored."
    )
    cycle = columns.cycle(key=True)
    file_number = dy.Int64(
        min=0, primary_key=True, description="Place in the plan, from 0.", metadata={"unit": "1"}
    )


class Quarantine(dy.Schema):
    """One row, or one whole file, that could not be understood, with every reason."""

    quarantine_id = columns.quarantine_id(key=True)
    feed = dy.String(description="Feed folder, or empty for a file outside every feed.")
    path = dy.String(description="Path below the landing folder, as data.")
    file_id = columns.file_id()
    file_row = dy.Int64(min=0, description="Line or row of the file; 0 for the whole file.")
    reasons = dy.String(description="Named reasons, sorted, separated by `;`.")
    detail = dy.String(description="What was seen, for a person.")
    raw = dy.Binary(description="The first 64 kB as landed.")
    raw_bytes = columns.count("Length of what was landed.")
    raw_sha256 = dy.String(description="SHA-256 of what was landed.")
    landed_at = columns.instant("When the file landed.")
    cycle = columns.cycle()


class EnforcementDecisions(dy.Schema):
    """One change of one dimension, or of one reason of a restriction, of one account."""

    decision_id = dy.String(
        primary_key=True,
        regex="^[0-9a-f]{32}$",
        description="Hash of account, dimension, reason, grid point and direction.",
    )
    account_id = columns.account_id()
    dimension = columns.code(
        "What changed.", ("margin_status", "restriction", "liquidation", "minimum_equity")
    )
    from_state = dy.String(description="State before.")
    to_state = dy.String(description="State after.")
    reason = dy.String(description="Why.")
    direction = columns.code("Whether it tightens or relaxes.", ("up", "down"))
    decided_at = columns.instant("Grid point of the decision.")
    account_type = columns.code("Rules that govern the account.", ACCOUNT_TYPES)
    equity = columns.usd("Equity that decided.")
    requirement = columns.usd("Governing requirement that decided.", least=0)
    excess = columns.usd("Equity less requirement.")
    gross_market_value = columns.usd("Long plus short.", least=0)
    stress_move = columns.fraction("The worse of the restricting SPY moves.")
    stress_excess = columns.usd("Excess at that move, requirement held.")
    status = columns.code("Whether all inputs were there.", ("determinate", "indeterminate"))
    input_reasons = dy.String(description="Named states of the inputs, `;`-separated.")
    call_opened_at = columns.instant("When the call in question was made.", nullable=True)
    rulebooks = dy.String(description="JSON: rulebook versions in force.")
    decision_number = dy.Int64(min=0, description="Order within the cycle, from 0.")
    cycle = columns.cycle()


class ValidationResults(dy.Schema):
    """One expectation on one version of one table."""

    table_name = dy.String(primary_key=True, description="Table.")
    table_version = dy.Int64(primary_key=True, min=0, description="Its Delta version.")
    partition = dy.String(primary_key=True, description="Business date; empty for the whole.")
    expectation = dy.String(primary_key=True, description="Expectation, by its rule.")
    column = dy.String(description="Column; empty for a rule across columns.")
    success = dy.Bool(description="Verdict.")
    rows = columns.count("Rows looked at.")
    unexpected_rows = columns.count("Rows that broke it.")
