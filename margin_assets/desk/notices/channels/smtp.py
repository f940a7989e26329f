"""E-mail. A server knows no idempotency key; its `Message-ID` is the same at every attempt."""

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate

from margin_assets.desk.notices.channels.channel import PATIENCE_SECONDS, NotDelivered
from margin_assets.desk.notices.messages import Message

SECURITIES = ("starttls", "tls", "none")
_PERMANENT = 500
_MAIL_DOMAIN = "margin.invalid"


@dataclass(frozen=True)
class Smtp:
    """A server that takes mail for others."""

    host: str
    port: int
    sender: str
    security: str = "starttls"
    user: str | None = None
    password: str | None = None

    def __repr__(self) -> str:
        return f"Smtp({self.host}:{self.port})"

    def send(self, message: Message, address: str) -> str | None:
        """Hands a message to the server; no key, since the server would take it twice."""
        with _told_apart(), self._connected() as server:
            server.send_message(mail_of(message, self.sender, address))
        return None

    @contextmanager
    def _connected(self) -> Iterator[smtplib.SMTP]:
        kind = smtplib.SMTP_SSL if self.security == "tls" else smtplib.SMTP
        with kind(self.host, self.port, timeout=PATIENCE_SECONDS) as server:
            if self.security == "starttls":
                server.starttls(context=ssl.create_default_context())
            if self.user is not None:
                server.login(self.user, self.password or "")
            yield server


@contextmanager
def _told_apart() -> Iterator[None]:
    """Errors by what another attempt, or another message, would come to."""
    try:
        yield
    except smtplib.SMTPRecipientsRefused as error:
        codes = [code for code, _ in error.recipients.values()]
        is_final = all(code >= _PERMANENT for code in codes)
        raise NotDelivered(f"the address was refused: {codes}", is_final=is_final) from error
    except (smtplib.SMTPConnectError, smtplib.SMTPAuthenticationError) as error:
        reason = f"the server does not let us in: {error.smtp_code}"
        raise NotDelivered(reason, is_down=True) from error
    except smtplib.SMTPResponseException as error:
        is_final = error.smtp_code >= _PERMANENT
        raise NotDelivered(f"the server answered {error.smtp_code}", is_final=is_final) from error
    except (OSError, smtplib.SMTPException) as error:
        # smtplib's own errors are OSErrors too: a server that hangs up, or knows no STARTTLS.
        raise NotDelivered(f"no mail server: {type(error).__name__}", is_down=True) from error


def mail_of(message: Message, sender: str, address: str) -> EmailMessage:
    """The message as mail. The library refuses a header of two lines; values have none."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = sender, address, message.subject
    mail["Message-ID"] = f"<{message.message_id}@{_MAIL_DOMAIN}>"
    mail["Date"] = formatdate()
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(message.body)
    return mail
