"""Every channel against a real server, and what contacts files may say."""

import hashlib
import hmac
import json
import os
import socket
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer

from margin_assets.desk.notices.channels import NotDelivered
from margin_assets.desk.notices.channels.outbox import Outbox
from margin_assets.desk.notices.channels.smtp import Smtp
from margin_assets.desk.notices.channels.sns import Sns
from margin_assets.desk.notices.channels.webhook import Webhook
from margin_assets.desk.notices.contacts import BadContacts, post_of
from margin_assets.desk.notices.happenings import Happening
from margin_assets.desk.notices.messages import Message, drafted, written
from margin_assets.desk.notices.policy import policy_on
from tests.support.receivers import HOST, Hook, MailServer, hook_server, mail_server
from tests.support.told_lake import NOON, at, call

ADDRESS = "desk@example.com"
SECRET = "a secret of the house"


@pytest.fixture
def message() -> Message:
    row = call() | {"due_at": at(30)}
    owed = Decimal("2500.00")
    happening = Happening("call", "call:1", "opened", "urgent", "A", owed, NOON, 1, row)
    (draft,) = drafted(happening, policy_on(date(2020, 3, 9)))
    return written(draft, happening)


@pytest.fixture
def mails() -> Iterator[MailServer]:
    with mail_server() as server:
        yield server


@pytest.fixture
def hook() -> Iterator[Hook]:
    with hook_server() as server:
        yield server


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def test_the_outbox_has_one_file_a_message_however_often_it_is_sent(
    tmp_path: Path, message: Message
):
    outbox = Outbox(tmp_path / "out")
    keys = {outbox.send(message, "margin_desk") for _ in range(2)}

    (file,) = (tmp_path / "out").iterdir()
    assert keys == {file.name} == {f"20200309T160000Z-{message.message_id}.txt"}
    head, _, body = file.read_text().partition("\n\n")
    assert head.splitlines()[1:] == [
        "To: margin_desk",
        "Severity: urgent",
        f"Subject: {message.subject}",
    ]
    assert body == message.body


def test_an_outbox_that_takes_no_file_is_down(tmp_path: Path, message: Message):
    (tmp_path / "out").write_text("no folder")

    with pytest.raises(NotDelivered, match="the outbox takes no file") as refused:
        Outbox(tmp_path / "out").send(message, "margin_desk")
    assert refused.value.is_down


def test_mail_has_one_message_id_at_every_attempt(mails: MailServer, message: Message):
    channel = Smtp(HOST, mails.port, "margin@example.com", "none")
    keys = [channel.send(message, ADDRESS) for _ in range(2)]

    # A mail server takes it twice: there is no key.
    assert keys == [None, None]
    first, second = mails.mails
    assert first["Message-ID"] == second["Message-ID"] == f"<{message.message_id}@margin.invalid>"
    assert (first["To"], first["Subject"]) == (ADDRESS, message.subject)
    assert first.get_content().replace("\r\n", "\n") == message.body


@pytest.mark.parametrize(
    ("refusal", "is_final"),
    [("550 no such user", True), ("450 mailbox busy", False)],
)
def test_a_refused_address_is_final_or_not(
    mails: MailServer, message: Message, refusal: str, is_final: bool
):
    mails.refusal = refusal

    with pytest.raises(NotDelivered) as refused:
        Smtp(HOST, mails.port, "margin@example.com", "none").send(message, ADDRESS)
    assert (refused.value.is_final, refused.value.is_down) == (is_final, False)
    assert ADDRESS not in str(refused.value)


def test_mail_is_not_sent_in_the_clear_unless_that_is_asked(mails: MailServer, message: Message):
    with pytest.raises(NotDelivered) as refused:
        Smtp(HOST, mails.port, "margin@example.com").send(message, ADDRESS)

    assert refused.value.is_down
    assert mails.mails == []


def test_a_server_that_is_not_there_is_down(message: Message):
    address = f"http://{HOST}:{free_port()}/"
    channels = (Smtp(HOST, free_port(), "m@example.com", "none"), Webhook(b"x" * 16))

    for channel in channels:
        with pytest.raises(NotDelivered) as refused:
            channel.send(message, address)
        assert refused.value.is_down


def test_a_webhook_is_signed_with_its_time_and_has_a_key(hook: Hook, message: Message):
    key = Webhook(SECRET.encode(), lambda: 1_700_000_000.5).send(message, hook.address)

    ((path, headers, content),) = hook.requests
    signed = hmac.digest(SECRET.encode(), b"1700000000." + content, "sha256").hex()
    assert headers["X-Margin-Signature"] == f"v1={signed}"
    assert headers["X-Margin-Timestamp"] == "1700000000"
    assert headers["Idempotency-Key"] == key == message.message_id
    assert path == "/notices?desk=1"
    found = json.loads(content)
    assert (found["account_id"], found["amount"]) == ("A", "2500.00")
    assert SECRET not in repr(Webhook(SECRET.encode()))


@pytest.mark.parametrize(
    ("status", "is_final"),
    [(500, False), (503, False), (429, False), (400, True), (410, True), (307, True)],
)
def test_a_webhook_that_refuses_is_asked_again_or_not(
    hook: Hook, message: Message, status: int, is_final: bool
):
    hook.status = status

    with pytest.raises(NotDelivered, match=f"answered {status}") as refused:
        Webhook(SECRET.encode()).send(message, hook.address)
    assert refused.value.is_final == is_final
    # A redirect is not followed: what is signed is for this server.
    assert len(hook.requests) == 1


def test_a_webhook_elsewhere_is_encrypted(message: Message):
    with pytest.raises(NotDelivered, match="neither https nor on this machine") as refused:
        Webhook(SECRET.encode()).send(message, "http://192.0.2.1/notices")
    assert refused.value.is_final


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    server = ThreadedMotoServer(ip_address=HOST, port=0)
    server.start()
    try:
        yield "http://{}:{}".format(*server.get_host_and_port())
    finally:
        server.stop()


def subscribed(aws: str, name: str, **more: str) -> tuple[str, str]:
    """A topic, and a queue that shows what came through it."""
    sns, sqs = (boto3.client(n, region_name="us-east-1", endpoint_url=aws) for n in ("sns", "sqs"))
    topic = sns.create_topic(Name=name, Attributes=more)["TopicArn"]
    queue = sqs.create_queue(QueueName=name, Attributes=more)["QueueUrl"]
    wanted = ["QueueArn"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=wanted)["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    return topic, queue


def received(aws: str, queue: str) -> list[str]:
    sqs = boto3.client("sqs", region_name="us-east-1", endpoint_url=aws)
    found = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
    return [json.loads(one["Body"])["Message"] for one in found]


def test_a_fifo_topic_knows_a_message_again_and_a_standard_one_does_not(aws: str, message: Message):
    fifo, fifo_queue = subscribed(aws, "desk.fifo", FifoTopic="true", FifoQueue="true")
    plain, plain_queue = subscribed(aws, "desk")
    channel = Sns(aws)

    assert [channel.send(message, fifo) for _ in range(2)] == [message.message_id] * 2
    assert [channel.send(message, plain) for _ in range(2)] == [None] * 2
    assert received(aws, fifo_queue) == [message.body]
    assert received(aws, plain_queue) == [message.body] * 2


def test_a_topic_that_is_not_there_is_final_and_a_service_that_is_not_there_is_down(
    aws: str, message: Message
):
    gone = "arn:aws:sns:us-east-1:123456789012:gone"
    with pytest.raises(NotDelivered, match="SNS answered NotFound") as refused:
        Sns(aws).send(message, gone)
    assert refused.value.is_final
    with pytest.raises(NotDelivered) as refused:
        Sns(f"http://{HOST}:{free_port()}").send(message, gone)
    assert refused.value.is_down


CONTACTS = """
[contacts.margin_desk]
smtp = "desk@example.com"

[smtp]
host = "127.0.0.1"
port = 2525
sender = "margin@example.com"
user = "margin"
password_env = "MAIL_PASSWORD"

[webhook]
secret_file = "secret"
"""


def contacts(folder: Path, text: str = CONTACTS) -> Path:
    file = folder / "contacts.toml"
    file.write_text(text)
    secret = folder / "secret"
    secret.write_text(f"{SECRET}\n")
    secret.chmod(0o600)
    return file


def test_a_contacts_file_sets_channels_up(tmp_path: Path):
    post = post_of(tmp_path, contacts(tmp_path), {"MAIL_PASSWORD": "hidden"})

    assert set(post.channels) == {"outbox", "smtp", "webhook"}
    assert post.addresses == {"margin_desk": {"smtp": "desk@example.com"}}
    for text in (repr(post), *map(repr, post.channels.values())):
        assert not any(word in text for word in ("hidden", SECRET, "desk@example.com"))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("smtp = ", "pigeon = ", "contacts.margin_desk.pigeon is no channel with an address"),
        ('"desk@example.com"', r'"a\r\nBcc: b"', "contacts.margin_desk.smtp is no address"),
        ("port = 2525", "", "smtp.port is missing"),
        ("port = 2525", 'port = 2525\nsecurity = "rot13"', "smtp.security is not one of"),
        ("port = 2525", 'port = 2525\nsecurity = "none"', "smtp.user would go unencrypted"),
        ("secret_file = ", "secret = ", "webhook.secret is a secret: give secret_file"),
        ('secret_file = "secret"', "", "webhook.secret is missing, or shorter"),
        ("[webhook]", "[telex]", "telex is unknown"),
        ("[webhook]", "[webhook", "not TOML"),
    ],
)
def test_a_contacts_file_that_cannot_be_is_refused(
    tmp_path: Path, old: str, new: str, message: str
):
    file = contacts(tmp_path, CONTACTS.replace(old, new, 1))

    with pytest.raises(BadContacts, match=message) as refused:
        post_of(tmp_path, file, {})
    assert "example.com" not in str(refused.value)


def test_a_secret_that_others_can_read_is_refused(tmp_path: Path):
    file = contacts(tmp_path)
    (tmp_path / "secret").chmod(0o640)

    with pytest.raises(BadContacts, match=r"webhook\.secret_file can be read by others"):
        post_of(tmp_path, file, os.environ)


def test_a_contact_without_an_address_is_told_apart(tmp_path: Path, message: Message):
    post = post_of(tmp_path, contacts(tmp_path), {})

    for channel, reason in (("sns", "no channel sns"), ("webhook", "has no webhook address")):
        with pytest.raises(NotDelivered, match=reason) as refused:
            post.send(replace(message, channel=channel))
        assert refused.value.is_final


def test_ids_tell_channel_recipient_template_and_subject(message: Message):
    content = b'["outbox","margin_desk","call","call:1"]'

    assert message.message_id == hashlib.sha256(content).hexdigest()[:32]
