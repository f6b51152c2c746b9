"""A collector behind the real interface: HTTP on loopback, signatures verified, reports kept in memory.

``answers`` scripts what it says next instead of doing its work: each entry is used once.
"""

import gzip
import ssl
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgspec
from msgspec import Struct

from agent.contract import report, signing, wire
from agent.contract.errors import ReportError


class Scripted(Struct, kw_only=True):
    """An answer given in place of a real one; ``receipts`` builds a batch reply whatever was sent."""

    status: int = 200
    headers: dict[str, str] = {}
    body: bytes = b""
    receipts: list[dict[str, Any]] | None = None
    hang_up: bool = False


class FakeCollector:
    """What a collector remembers."""

    def __init__(self) -> None:
        self.url = ""
        self.tokens: dict[str, wire.SchoolCard] = {}
        self.keys: dict[str, tuple[bytes, str]] = {}
        self.stored: dict[tuple[str, int], bytes] = {}
        self.revoked: set[str] = set()
        self.refuse: dict[int, str] = {}
        self.max_body = wire.MAX_BATCH_BYTES
        self.policy = wire.Policy()
        self.answers: deque[Scripted] = deque()
        self.requests: list[tuple[str, str]] = []
        self.batches: list[int] = []
        self.lose_replies = 0
        self.orders: tuple[str, ...] = ()
        self.leases: deque[wire.LeaseReply] = deque()
        self.wishes: list[wire.LeaseRequest] = []
        self.released: list[str] = []
        self.region: tuple[wire.SchoolCard, ...] = ()
        self.enrollments: list[wire.EnrollRequest] = []
        self.left: list[str] = []

    def handle(self, method: str, path: str, headers: Any, body: bytes) -> tuple[int, dict[str, str], bytes]:
        """Answer one request."""
        self.requests.append((method, path))
        if self.answers:
            scripted = self.answers.popleft()
            if scripted.hang_up:
                raise ConnectionAbortedError
            text = scripted.body
            if scripted.receipts is not None:
                text = msgspec.json.encode({"items": scripted.receipts})
            return scripted.status, scripted.headers, text
        if path == wire.ENROLL_SCHOOLS_PATH and not self.region:  # as collectors did before there were such tokens
            return problem(404, "nothing is here")
        takers = {
            ("POST", wire.ENROLL_PATH): lambda: self._enroll(body),
            ("POST", wire.ENROLL_SCHOOLS_PATH): lambda: self._schools(body),
            ("POST", wire.LEAVE_PATH): lambda: self._leave(body),
            ("POST", wire.REPORTS_PATH): lambda: self._reports(headers, body),
            ("GET", wire.POLICY_PATH): lambda: self._policy(headers),
            ("POST", wire.LEASE_PATH): lambda: self._lease(path, body),
            ("POST", wire.RELEASE_PATH): lambda: self._lease(path, body),
        }
        if (method, path) in takers:
            return takers[method, path]()
        return problem(404, "nothing is here")

    def sequences(self, agent: str) -> list[int]:
        """Return the numbers of the stored reports of one agent."""
        return sorted(sequence for one, sequence in self.stored if one == agent)

    def _enroll(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
        envelope = signing.decode_envelope(body)
        request = msgspec.json.decode(envelope.payload, type=wire.EnrollRequest)
        signing.verify(envelope, wire.ENROLLMENT_TYPE, request.public_key)
        self.enrollments.append(request)
        school = self.tokens.get(request.token)
        if request.token == "region" and request.school is not None:
            school = next((one for one in self.region if one.id == request.school), None)
        if school is None:
            return problem(403, "this token is not known here; check that it was copied whole")
        agent = signing.agent_id(request.public_key)
        if not request.preview:
            if self.keys.get(agent, (b"", school.id))[1] != school.id:
                return problem(403, "this computer's key belongs to another school; enrol it with a new key")
            self.keys[agent] = (request.public_key, school.id)
            self.revoked.discard(agent)
            if self.lose_replies:
                self.lose_replies -= 1
                raise ConnectionAbortedError
        kept = not request.preview and request.recovery_sha256 is not None
        reply = wire.EnrollReply(agent=agent, school=school, policy=self.policy, recovery_kept=kept)
        return 200, {}, msgspec.json.encode(reply)

    def _schools(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
        asked = msgspec.json.decode(body, type=wire.SchoolsRequest)
        if asked.token != "region":
            return 200, {}, msgspec.json.encode(wire.SchoolsReply())
        found = tuple(one for one in self.region if asked.search in one.name or asked.search in one.id)
        return 200, {}, msgspec.json.encode(wire.SchoolsReply(region="Almaty", schools=found))

    def _leave(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
        envelope = signing.decode_envelope(body)
        key = self.keys[envelope.signatures[0].keyid][0]
        asked = msgspec.json.decode(signing.verify(envelope, wire.LEAVE_TYPE, key), type=wire.LeaveRequest)
        self.left.append(asked.agent)
        return 200, {}, msgspec.json.encode(wire.LeaveReply(left_at=asked.at))

    def _reports(self, headers: Any, body: bytes) -> tuple[int, dict[str, str], bytes]:
        assert headers["Content-Encoding"] == "gzip"
        plain = gzip.decompress(body)
        if len(plain) > self.max_body:
            return problem(413, "the batch is too large: send fewer at once")
        envelopes = msgspec.json.decode(plain, type=wire.ReportBatch).envelopes
        self.batches.append(len(envelopes))
        receipts = tuple(self._receive(raw) for raw in envelopes)
        told = wire.BatchReply(items=receipts, policy_version=self.policy.version, orders=self.orders)
        return 200, {}, msgspec.json.encode(told)

    def _receive(self, raw: msgspec.Raw) -> wire.Receipt:
        envelope = signing.decode_envelope(raw)
        sha256 = report.sha256_hex(envelope.payload)
        keyid = envelope.signatures[0].keyid
        if keyid in self.revoked:
            return wire.Receipt(answer="revoked", reason="agent_revoked", detail="taken out of service", sha256=sha256)
        if keyid not in self.keys:
            return wire.Receipt(answer="refused", reason="unknown_agent", detail="never enrolled", sha256=sha256)
        try:
            seen = report.decode(signing.verify(envelope, report.PAYLOAD_TYPE, self.keys[keyid][0]))
        except ReportError as error:
            return wire.Receipt(answer="refused", reason="signature", detail=str(error), sha256=sha256)
        if seen.sequence in self.refuse:
            return wire.Receipt(answer="refused", reason="malformed", detail=self.refuse[seen.sequence], sha256=sha256)
        known = self.stored.setdefault((keyid, seen.sequence), envelope.payload)
        if known is not envelope.payload:
            same = known == envelope.payload
            return wire.Receipt(
                answer="duplicate" if same else "refused", reason=None if same else "sequence_conflict", sha256=sha256
            )
        return wire.Receipt(answer="stored", sha256=sha256)

    def _policy(self, headers: Any) -> tuple[int, dict[str, str], bytes]:
        agent, signature = signing.requesting_agent(headers["Authorization"])
        signing.verify_request("GET", wire.POLICY_PATH, signature, self.keys[agent][0])
        tag = f'"{self.policy.version}"'
        if headers.get("If-None-Match") == tag:
            return 304, {"ETag": tag}, b""
        return 200, {"ETag": tag}, msgspec.json.encode(self.policy)

    def _lease(self, path: str, body: bytes) -> tuple[int, dict[str, str], bytes]:
        envelope = signing.decode_envelope(body)
        key = self.keys[envelope.signatures[0].keyid][0]
        if path == wire.RELEASE_PATH:
            signed = signing.verify(envelope, wire.RELEASE_TYPE, key)
            self.released.append(msgspec.json.decode(signed, type=wire.LeaseRelease).lease)
            return 200, {}, b'{"released":true}'
        asked = msgspec.json.decode(signing.verify(envelope, wire.LEASE_TYPE, key), type=wire.LeaseRequest)
        self.wishes.append(asked)
        reply = self.leases.popleft() if self.leases else wire.LeaseReply(state="granted", ends_in_s=asked.seconds)
        if reply.state == "granted":
            reply = msgspec.structs.replace(reply, lease=asked.lease)
        return 200, {}, msgspec.json.encode(reply)


def problem(status: int, detail: str) -> tuple[int, dict[str, str], bytes]:
    """Return an RFC 9457 problem document."""
    body = msgspec.json.encode(wire.Problem(title="no", status=status, detail=detail))
    return status, {"Content-Type": "application/problem+json"}, body


@contextmanager
def running(tls: tuple[str, str] | None = None) -> Iterator[FakeCollector]:
    """Serve a fake collector on a free loopback port, over TLS with these files of certificate and key."""
    fake = FakeCollector()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            try:
                status, headers, text = fake.handle(self.command, self.path, self.headers, body)
            except ConnectionAbortedError:
                self.close_connection = True
                return
            self.send_response(status)
            for name, value in ({"Content-Length": str(len(text))} | headers).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = _answer  # noqa: N815 - the names that http.server asks for

        def log_message(self, *_: object) -> None:
            """Stay quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    fake.url = f"http://127.0.0.1:{server.server_port}"
    if tls is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*tls)
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        fake.url = f"https://localhost:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield fake
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
