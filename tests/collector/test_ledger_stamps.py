"""Checkpoints are stamped by an authority where one is named, and go on where it does not answer."""

import hashlib
import http.server
import subprocess
import threading
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from collector.evidence.errors import StampError
from collector.ledger import checkpointing, stamping
from collector.settings import DatabaseSettings, EvidenceSettings, Settings
from collector.store import checkpoints, evidence
from collector.store.evidence import Pending

rfc3161 = pytest.importorskip("rfc3161_client")
_CONFIGURATION = """
[tsa]
default_tsa = own
[own]
serial = {folder}/serial
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha512
"""


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A folder with the key and certificate of an authority, and how it works."""
    folder = tmp_path_factory.mktemp("authority")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "An authority for tests")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.ExtendedKeyUsage([x509.ExtendedKeyUsageOID.TIME_STAMPING]), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "key.pem").write_bytes(private)
    (folder / "cert.pem").write_bytes(made.public_bytes(pem))
    (folder / "serial").write_text("01\n")
    (folder / "tsa.cnf").write_text(_CONFIGURATION.format(folder=folder))
    return folder


@pytest.fixture
def authority(certificate):
    """A real authority on loopback (openssl signs); ``answer`` may put something else in the way of its replies."""

    def signed(query: bytes) -> bytes:
        (certificate / "query").write_bytes(query)
        words = ["-config", "tsa.cnf", "-queryfile", "query", "-signer", "cert.pem", "-inkey", "key.pem"]
        subprocess.run(
            ["openssl", "ts", "-reply", *words, "-out", "reply"],
            cwd=certificate,
            check=True,
            capture_output=True,
            timeout=30,
        )
        return (certificate / "reply").read_bytes()

    class Answering(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            reply = server.answer(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(200 if reply else 503)
            self.send_header("content-length", str(len(reply)))
            self.end_headers()
            self.wfile.write(reply)

        def log_message(self, *_) -> None:
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        server.answer = server.signed = signed
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join(10)


def url(server) -> str:
    return f"http://127.0.0.1:{server.server_address[1]}/"


@pytest.fixture
def signing(database, database_url, tmp_path):
    """Sign a checkpoint with something new in it."""

    def do(server) -> checkpoints.CheckpointRecord:
        at = datetime.now(UTC)
        with database.ingesting() as connection:
            evidence.pend(connection, [Pending(subject="rules", key=f"{at}", sha256=bytes(32), at=at)])
        settings = Settings(
            database=DatabaseSettings(url=database_url, data=str(tmp_path)),
            evidence=EvidenceSettings(timestamp_url=url(server)),
        )
        checkpointing.run(database, settings)
        with database.owning() as connection:
            return checkpoints.newest(connection, 1)

    return do


def test_a_checkpoint_is_stamped(authority, signing, certificate, client):
    """What the authority signed is about the note, is proven by its certificate, and can be had."""
    signed = signing(authority)
    root = x509.load_pem_x509_certificate((certificate / "cert.pem").read_bytes())
    reply = rfc3161.decode_timestamp_response(signed.stamp)
    verifier = rfc3161.VerifierBuilder().add_root_certificate(root).build()
    assert verifier.verify_message(reply, signed.note.encode())
    assert reply.tst_info.message_imprint.message == hashlib.sha512(signed.note.encode()).digest()
    answer = client.get("/api/v1/evidence/stamp", params={"size": signed.size})
    assert answer.content == signed.stamp
    assert client.get("/api/v1/evidence/stamp", params={"size": 9}).status_code == 404
    assert client.get("/api/v1/evidence/log").json()["is_stamped"]


def test_an_authority_that_does_not_answer_holds_nobody_up(authority, signing, caplog):
    """The checkpoint is signed without it, which is said; the next one is asked for again."""
    authority.answer = lambda _query: b""
    assert signing(authority).stamp is None
    assert "answers 503" in caplog.text
    authority.answer = authority.signed
    assert signing(authority).stamp is not None


def test_a_stamp_of_something_else_is_refused(authority):
    """An old reply, nonsense, one that is too long: none is kept."""
    old = []
    authority.answer = lambda query: old.append(authority.signed(query)) or old[0]
    assert stamping.stamped(url(authority), b"one") == old[0]
    for reply, word in ((old[0], "something else"), (b"x", "read"), (bytes(70_000), "longer")):
        authority.answer = lambda _query, reply=reply: reply
        with pytest.raises(StampError, match=word):
            stamping.stamped(url(authority), b"two")
