"""Certificates of an own authority, made with openssl for one test."""

import subprocess
from pathlib import Path

LOOPBACK = "DNS:localhost,IP:127.0.0.1"
_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


class Authority:
    """A certificate authority in a folder; ``file`` is what its clients are to trust."""

    def __init__(self, folder: Path, name: str = "authority", subject: str | None = None) -> None:
        """Make it; ``subject`` is its name as openssl writes it, such as "/O=Filter Ltd/CN=Filter CA"."""
        self._folder = folder
        self._key = folder / f"{name}.key"
        self.file = str(folder / f"{name}.pem")
        usage = ("-addext", "keyUsage=critical,keyCertSign,cRLSign")
        names = ("-utf8", "-subj", subject or f"/CN={name}")
        _openssl("req", "-x509", *_KEY, "-days", "2", *names, *usage, *self._out(self._key, self.file))

    def issue(self, names: str = LOOPBACK, days: int = 2) -> tuple[str, str]:
        """Issue a server's certificate for these names; return the files of certificate and key.

        With ``days`` below 0 it has expired.
        """
        files = self._folder / "server.pem", self._folder / "server.key"
        request, extensions = self._folder / "server.csr", self._folder / "server.ext"
        extensions.write_text(f"subjectAltName={names}\nauthorityKeyIdentifier=keyid\n")
        _openssl("req", "-new", *_KEY, "-subj", "/CN=server", *self._out(files[1], request))
        authority = ("-CA", self.file, "-CAkey", str(self._key), "-CAcreateserial", "-extfile", str(extensions))
        _openssl("x509", "-req", "-in", str(request), *authority, "-days", str(days), "-out", str(files[0]))
        return str(files[0]), str(files[1])

    @staticmethod
    def _out(key: Path, certificate: Path | str) -> tuple[str, ...]:
        return ("-keyout", str(key), "-out", str(certificate))


def _openssl(*words: str) -> None:
    subprocess.run(["openssl", *words], check=True, capture_output=True, timeout=30)
