"""What Dagster learns of a store in trouble."""

import dagster as dg

from jobs.reporting import Reporter
from margin_assets.checks.store import the_store_answers
from margin_assets.live.session.condition import Condition


@dg.op
def session_in_trouble(context: dg.OpExecutionContext) -> None:
    condition = Condition()
    with Reporter(context) as reporter:
        reporter.watch(condition)
        condition.failing("a step", "writing fills: 503 SlowDown")
        condition.recovered("a step")
        condition.settle(is_last=True)


@dg.job(executor_def=dg.in_process_executor)
def troubled() -> None:
    session_in_trouble()


def test_a_check_of_the_ledger_fails_while_the_store_is_degraded(instance: dg.DagsterInstance):
    run = troubled.execute_in_process(instance=instance)

    logs = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION)
    told = [log.dagster_event.asset_check_evaluation_data for log in logs]
    assert {verdict.asset_check_key for verdict in told} == {the_store_answers.check_key}
    assert [verdict.passed for verdict in told] == [True, False, True]
    assert [verdict.metadata["cause"].value for verdict in told] == [
        "",
        "writing fills: 503 SlowDown",
        "",
    ]
    messages = [entry.user_message for entry in instance.all_logs(run.run_id)]
    assert "store degraded: writing fills: 503 SlowDown; retrying" in messages
