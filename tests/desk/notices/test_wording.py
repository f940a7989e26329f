"""Words of messages, and what hostile values do to them: nothing."""

from datetime import UTC, date, datetime
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from margin_assets.desk.notices.channels.smtp import mail_of
from margin_assets.desk.notices.happenings import Happening
from margin_assets.desk.notices.messages import Message, digest_of, drafted, written
from margin_assets.desk.notices.policy import policy_on
from margin_assets.desk.notices.wording import inert, shown
from tests.support.told_lake import NOON, Row, at, call, decision, plan

POLICY = policy_on(date(2020, 3, 9))


def message_about(template: str, row: Row) -> Message:
    named = str(row["account_id"])
    happening = Happening(template, "about", "stress", "urgent", named, None, NOON, 1, row)
    return written(drafted(happening, POLICY)[0], happening)


def test_a_decision_says_what_why_and_the_figures():
    message = message_about("decision", decision(when=at(0)))

    assert message.subject == "[urgent] Account A: restriction none to close only (stress)"
    assert "Excess       -3,250.00 USD\n" in message.body
    assert "Decided      2020-03-09 12:00:00 in New York\n" in message.body


def test_figures_that_are_bounds_say_so():
    row = decision(status="indeterminate", input_reasons="X:price_missing")

    assert "inputs are missing: X:price_missing" in message_about("decision", row).body


def test_a_further_reason_of_a_restriction_is_no_change_of_it():
    row = decision(from_state="close_only", to_state="close_only")

    assert (
        "restriction stays close only for one reason more" in message_about("decision", row).subject
    )


def test_a_recalled_plan_names_what_is_out_and_what_to_do():
    message = message_about("plan", plan())

    why = "the call that it answers is over; out are sell 280 X"
    assert message.subject == f"[urgent] Account A: liquidation plan recalled ({why})"
    assert f"Why          {why}\nTo do        see that the broker takes the orders" in message.body
    assert f"Named in     recalls/{plan()['plan_id']}.ndjson of the outgoing" in message.body


def test_a_call_says_what_is_owed_by_when_and_under_which_rule():
    row = call() | {"due_at": at(30)}

    message = message_about("call", row)

    owed = "2,500.00 USD owed, due 2020-03-09 12:30:00 in New York"
    assert message.subject == f"[urgent] Account A: maintenance call opened, {owed}"
    assert "Rule         FINRA Rule 4210(c), (f)(6)\n" in message.body
    assert "By the rule  2020-03-30 20:00:00 in New York\n" in message.body


def test_a_call_that_is_overdue_says_what_it_brings():
    more = {"state": "overdue", "consequence": "close_only", "due_at": at(30)}
    message = message_about("call", call(change="consequence") | more)

    due = "was due 2020-03-09 12:30:00 in New York"
    assert message.subject.endswith(f"call overdue, close only, 2,500.00 USD owed, {due}")


def test_values_are_no_templates():
    row = decision(account="{{ 7 * 7 }}{% for x in y %}")

    message = message_about("decision", row)

    assert "Account {{ 7 * 7 }}{% for x in y %}: restriction" in message.subject


TEXT = st.text(alphabet=st.characters(exclude_categories=["Cs"]), min_size=1, max_size=128)


@given(account=TEXT, reason=TEXT)
@settings(max_examples=60, deadline=None)
def test_whatever_a_value_holds_a_message_stays_plain_text(account: str, reason: str):
    message = message_about("decision", decision(account=account, input_reasons=reason))

    assert message.subject.isprintable()
    assert len(message.subject) <= 200
    assert all(line.isprintable() for line in message.body.split("\n"))
    assert message.body.count("\n") == message_about("decision", decision()).body.count("\n")
    mail = mail_of(message, "margin@example.com", "desk@example.com")
    assert mail["Subject"] == message.subject
    assert mail.keys() == mail_of(message_about("decision", decision()), "a@b.c", "d@e.f").keys()


def test_no_character_acts():
    assert inert("a\r\nBcc: x\x1b[31m\u202e\u2028b") == "a  Bcc: x [31m  b"


def test_values_are_shown_in_their_unit():
    moment = datetime(2020, 1, 2, 15, 30, tzinfo=UTC)

    assert shown([Decimal("-1234.5"), 1234, moment, None]) == [
        "-1,234.50 USD",
        "1,234",
        "2020-01-02 10:30:00 in New York",
        None,
    ]


def test_a_digest_counts_adds_up_and_names_the_worst():
    rows = [("A", "10.00"), ("B", "30.00"), ("C", "20.00")]
    happenings = [
        Happening("call", name, "opened", "urgent", name, Decimal(usd), NOON, 1, {})
        for name, usd in rows
    ]
    happenings.append(Happening("decision", "d", "stress", "critical", "D", None, at(5), 2, {}))
    members = [draft for happening in happenings for draft in drafted(happening, POLICY)]

    digest = digest_of(members, POLICY)

    assert digest == digest_of(members[::-1], POLICY)
    assert digest.subject == "[critical] 4 messages at once: 1 x stress, 3 x opened"
    assert "3 x opened (urgent), 60.00 USD in all\n" in digest.body
    worst = [line.partition(":")[0] for line in digest.body.split("The worst 4:\n")[1].splitlines()]
    assert worst[:4] == ["D", "B", "C", "A"]
    assert digest.amount == Decimal("60.00")
    assert (digest.created_at, digest.cycle) == (at(5), 2)
