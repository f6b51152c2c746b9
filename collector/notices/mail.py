"""Sends a message by email, through the mail server of the settings, encrypted unless that is this very computer."""

import ipaddress
import re
import smtplib
import ssl
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path

from agent.contract.errors import SettingsError
from collector.notices.errors import NoticeError
from collector.notices.message import Message
from collector.notices.webhooks import Outcome
from collector.settings import NoticesSettings
from collector.words import say

# What mail servers take in practice of RFC 5321: no quoted names, no comments, no addresses instead of names.
_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})+", re.ASCII)
_TIMEOUT_S = 10.0
# What OpenSSL calls an answer that is not TLS; which of the two depends on its version.
_PLAIN = ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE")
_PERMANENT = range(550, 560)  # this mailbox, for good; what else a server refuses may be our settings'


def checked(address: str) -> str:
    """Return an email address; raises NoticeError if it is none that mail can be sent to."""
    if len(address) > 254 or _ADDRESS.fullmatch(address) is None:
        raise NoticeError(
            say("{address} is no email address; write it as name@school.example", address=repr(address[:200]))
        )
    return address


def check_settings(settings: NoticesSettings) -> None:
    """See that mail can be sent.

    Raises:
        SettingsError: names what is missing, or not safe.
    """
    if settings.smtp_host is None or settings.mail_from is None:
        raise SettingsError(
            say("there is no email here: whoever runs the collector sets notices.smtp_host and mail_from")
        )
    if _ADDRESS.fullmatch(settings.mail_from) is None:
        raise SettingsError(f"notices.mail_from: {settings.mail_from!r} is no email address")
    if (settings.smtp_user is None) != (settings.smtp_password_file is None):
        raise SettingsError("notices.smtp_user and notices.smtp_password_file belong together; give both")
    if settings.smtp_security == "none" and not _is_loopback(settings.smtp_host):
        raise SettingsError(
            "notices.smtp_security: 'none' is for a mail server on this computer; use 'starttls' or 'tls'"
        )


def send(message: Message, message_id: str, to: str, settings: NoticesSettings, trusted: ssl.SSLContext) -> Outcome:
    """Send a message, and return what became of it; a try of the same message has the same id.

    Raises:
        SettingsError: the settings of the mail server cannot be used.
    """
    check_settings(settings)
    mail = _mail(message, message_id, to, str(settings.mail_from))
    try:
        with _connected(settings, trusted) as server:
            server.send_message(mail)
    except smtplib.SMTPRecipientsRefused as error:
        code, said = error.recipients[to]
        return _refused(code, said)
    except smtplib.SMTPResponseException as error:
        return _refused(error.smtp_code, error.smtp_error)
    except (smtplib.SMTPException, OSError) as error:
        return Outcome(is_delivered=False, said=_unusable(error, settings))
    return Outcome(is_delivered=True, said="the mail server took it")


def _mail(message: Message, message_id: str, to: str, sender: str) -> EmailMessage:
    mail = EmailMessage()
    mail["From"] = sender
    mail["To"] = to
    mail["Subject"] = f"[netready] {message.data.title}"
    mail["Date"] = format_datetime(message.timestamp)
    mail["Message-ID"] = f"<{message_id}@{sender.rpartition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no holiday notes, please
    sha256 = message.data.detail.sha256
    lines = [message.data.text, ""]
    lines += [] if sha256 is None else [f"SHA-256 of the verdict: {sha256}", ""]
    lines += [f"Notice {message.data.id}. Whoever runs netready ends this subscription."]
    mail.set_content("\n".join(lines) + "\n")
    return mail


def _connected(settings: NoticesSettings, trusted: ssl.SSLContext) -> smtplib.SMTP:
    host, port = str(settings.smtp_host), settings.smtp_port
    if settings.smtp_security == "tls":
        server: smtplib.SMTP = smtplib.SMTP_SSL(host, port, timeout=_TIMEOUT_S, context=trusted)
    else:
        server = smtplib.SMTP(host, port, timeout=_TIMEOUT_S)
    try:
        if settings.smtp_security == "starttls":
            server.starttls(context=trusted)
        if settings.smtp_user is not None:
            server.login(settings.smtp_user, _password(str(settings.smtp_password_file)))
    except BaseException:
        server.close()
        raise
    return server


def _password(file: str) -> str:
    try:
        return Path(file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"notices.smtp_password_file: {file} cannot be read: {error}") from error


def _unusable(error: Exception, settings: NoticesSettings) -> str:
    """Say why there is no talking with the mail server, and whose matter that is."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return (
            f"the mail server {settings.smtp_host} shows a certificate that is not believed: "
            f"{_one_line(error.verify_message)}; an authority of your own is named by notices.ca_file"
        )
    if isinstance(error, ssl.SSLError) and error.reason in _PLAIN:
        return (
            f"the mail server {settings.smtp_host} does not speak TLS from the first byte on port "
            f"{settings.smtp_port}: try notices.smtp_security = 'starttls'"
        )
    return f"the mail server cannot be used: {_one_line(str(error))}"


def _refused(code: int, said: bytes | str) -> Outcome:
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    return Outcome(
        is_delivered=False, said=f"the mail server refused: {code} {_one_line(text)}", is_final=code in _PERMANENT
    )


def _one_line(text: str) -> str:
    return " ".join(text.split())[:200]


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
