"""Topics of Amazon SNS. A FIFO topic knows a message again for five minutes, a standard one never.

Source: Amazon SNS, "Message deduplication for FIFO topics".
"""

from dataclasses import dataclass
from typing import Any

from margin_assets.desk.notices.channels.channel import PATIENCE_SECONDS, NotDelivered
from margin_assets.desk.notices.messages import Message

_LONGEST_SUBJECT = 100
_FIFO = ".fifo"
_REGION = 3
"""Place of the region in an ARN."""
_FINAL = frozenset(("InvalidParameter", "InvalidParameterValue", "NotFound", "NotFoundException"))


@dataclass(frozen=True)
class Sns:
    """The service; credentials are found as the AWS libraries find them."""

    endpoint: str | None = None

    def send(self, message: Message, address: str) -> str | None:
        """Publishes to the topic whose ARN is the address."""
        from botocore.exceptions import BotoCoreError, ClientError

        is_fifo = address.endswith(_FIFO)
        try:
            self._client(address).publish(**_request(message, address, is_fifo=is_fifo))
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            raise NotDelivered(f"SNS answered {code}", is_final=code in _FINAL) from error
        except BotoCoreError as error:
            raise NotDelivered(f"no SNS: {type(error).__name__}", is_down=True) from error
        return message.message_id if is_fifo else None

    def _client(self, address: str) -> Any:  # noqa: ANN401 (the library has no types)
        import boto3
        from botocore.config import Config

        fields = address.split(":")
        region = fields[_REGION] if len(fields) > _REGION else None
        config = Config(
            connect_timeout=PATIENCE_SECONDS,
            read_timeout=PATIENCE_SECONDS,
            retries={"total_max_attempts": 1},
        )
        return boto3.client("sns", region_name=region, endpoint_url=self.endpoint, config=config)


def _request(message: Message, address: str, *, is_fifo: bool) -> dict[str, Any]:
    # A subject of SNS is ASCII.
    subject = message.subject.encode("ascii", "replace").decode()[:_LONGEST_SUBJECT]
    found: dict[str, Any] = {"TopicArn": address, "Subject": subject, "Message": message.body}
    if is_fifo:
        found |= {
            "MessageGroupId": message.recipient,
            "MessageDeduplicationId": message.message_id,
        }
    return found
