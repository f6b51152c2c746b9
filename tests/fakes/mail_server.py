"""A mail server on loopback that keeps what it gets: plain, by STARTTLS, or by TLS from the first byte."""

import base64
import socketserver
import ssl


class MailServer(socketserver.ThreadingTCPServer):
    """As much of RFC 5321 as one mail needs; refuses recipients with ``refusal``.

    With a ``context`` it offers STARTTLS; where it ``is_implicit``, it speaks TLS from the first byte (RFC 8314).
    """

    daemon_threads = True
    refusal: str | None = None
    context: ssl.SSLContext | None = None
    is_implicit = False

    def __init__(self) -> None:
        """Listen on a free port."""
        super().__init__(("127.0.0.1", 0), _Session)
        self.mails: list[tuple[bool, str]] = []
        self.logins: list[bytes] = []

    def handle_error(self, *_: object) -> None:
        """Say nothing of clients that go away in the middle."""


class _Session(socketserver.StreamRequestHandler):
    server: MailServer
    timeout = 30

    def setup(self) -> None:
        super().setup()
        self.is_secret = False
        if self.server.is_implicit:
            self._encrypt()

    def finish(self) -> None:
        super().finish()
        self.connection.close()

    def handle(self) -> None:
        is_data, lines = False, list[str]()
        self._say("220 mail.example")
        while line := self.rfile.readline():
            text = line.decode().rstrip("\r\n")
            if is_data:
                if text != ".":
                    lines.append(text)
                    continue
                self.server.mails.append((self.is_secret, "\n".join(lines)))
                is_data = False
                self._say("250 taken")
            elif text.upper() == "DATA":
                is_data = True
                self._say("354 go on")
            elif not self._answer(text):
                return

    def _answer(self, text: str) -> bool:
        word = text.split(maxsplit=1)[0].upper()
        if word == "EHLO":
            self._say("250-mail.example")
            self._say("250 AUTH PLAIN" if self.is_secret or self.server.context is None else "250 STARTTLS")
        elif word == "STARTTLS":
            self._say("220 go on")
            self._encrypt()
        elif word == "AUTH":
            self.server.logins.append(base64.b64decode(text.split()[2]))
            self._say("235 welcome")
        elif word == "RCPT" and self.server.refusal:
            self._say(self.server.refusal)
        elif word == "QUIT":
            self._say("221 bye")
            return False
        else:
            self._say("250 fine")
        return True

    def _say(self, text: str) -> None:
        self.wfile.write(text.encode() + b"\r\n")

    def _encrypt(self) -> None:
        assert self.server.context is not None
        self.connection = self.server.context.wrap_socket(self.connection, server_side=True)
        self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb", 0)
        self.is_secret = True
