"""Where alerts go: a topic of SNS when one is configured, else the log."""

import logging

import dagster as dg

_LOG = logging.getLogger("margin.alerts")
_LONGEST_SUBJECT = 100


class Alerts(dg.ConfigurableResource[None]):
    """Sends alerts; without a topic they go to the log."""

    topic_arn: str = ""

    def send(self, subject: str, message: str) -> None:
        """Sends one alert. A topic that does not take it never stops the caller."""
        _LOG.error("%s: %s", subject, message)
        if not self.topic_arn:
            return
        import boto3
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            boto3.client("sns", region_name=self.topic_arn.split(":")[3]).publish(
                TopicArn=self.topic_arn, Subject=subject[:_LONGEST_SUBJECT], Message=message
            )
        except (BotoCoreError, ClientError):
            _LOG.exception("alert not delivered to %s", self.topic_arn)
