"""Views that SQL has beside the tables: what each one selects, and from which tables."""

from typing import NamedTuple

import dataframely as dy

from schemas import views as declared


class View(NamedTuple):
    """A question that has a name."""

    tables: tuple[str, ...]
    select: str

    @property
    def names(self) -> dict[str, str]:
        """Its tables, by the name that its question has for them."""
        return {name.replace("/", "_"): name for name in self.tables}


# A status began with the last decision about it; of a call the newest version says how it stands.
_ACCOUNTS_NOW = """
SELECT s.account_id, s.account_type, e.margin_status, d.since,
  s.equity, s.governing_requirement AS requirement, s.excess, s.gross_market_value,
  CASE WHEN s.gross_market_value > 0
    THEN CAST(s.excess AS DOUBLE) / CAST(s.gross_market_value AS DOUBLE) END AS excess_share,
  e.restriction, e.liquidation, e.minimum_equity,
  coalesce(c.open_calls, 0) AS open_calls,
  CAST(coalesce(c.called, 0) AS DECIMAL(38, 2)) AS called,
  c.next_deadline, c.consequences,
  b.breaks, b.breaks_on,
  s.status AS determinacy, s.reasons, s.margin_method AS cheaper_method, s.as_of, s.cycle
FROM margin_summary s
JOIN enforcement_state e ON e.account_id = s.account_id
LEFT JOIN (
  SELECT account_id, max(decided_at) AS since FROM enforcement_decisions
  WHERE dimension = 'margin_status' GROUP BY account_id
) d ON d.account_id = s.account_id
LEFT JOIN (
  SELECT account_id, count(*) AS open_calls,
    coalesce(sum(amount) FILTER (WHERE is_owed), 0) AS called,
    min(due) FILTER (WHERE is_owed) AS next_deadline,
    array_to_string(array_sort(
      array_agg(DISTINCT consequence) FILTER (WHERE consequence <> 'none')
    ), ';') AS consequences
  FROM (
    SELECT account_id, is_open, amount, consequence,
      NOT (call_type = 'free_riding' AND state = 'expired') AS is_owed,
      least(greatest(house_due_at, extended_until), legal_due_at) AS due,
      row_number() OVER (PARTITION BY call_id ORDER BY version DESC) AS place
    FROM margin_calls
  ) WHERE place = 1 AND is_open GROUP BY account_id
) c ON c.account_id = s.account_id
LEFT JOIN (
  SELECT account_id, breaks, breaks_on FROM (
    SELECT account_id, business_date AS breaks_on,
      sum(CASE WHEN kind = 'agreed' THEN 0 ELSE 1 END) AS breaks,
      row_number() OVER (PARTITION BY account_id ORDER BY business_date DESC) AS place
    FROM daily_breaks GROUP BY account_id, business_date
  ) WHERE place = 1 AND breaks > 0
) b ON b.account_id = s.account_id
"""
VIEWS = {
    "accounts_now": View(
        (
            "margin_summary",
            "enforcement_state",
            "enforcement_decisions",
            "margin_calls",
            "daily/breaks",
        ),
        _ACCOUNTS_NOW,
    )
}


def schema_of_view(name: str) -> type[dy.Schema]:
    """The declaration of a view's columns."""
    return declared.VIEWS[name]
