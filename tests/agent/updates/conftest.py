"""A repository of versions, made by the same commands as the real one."""

import importlib.util
import sys
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[3]
PLATFORM = "linux-x86_64"


def _repository() -> ModuleType:
    file = ROOT / "packaging" / "updates" / "repository.py"
    spec = importlib.util.spec_from_file_location("netready_repository", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


repository = _repository()


class Versions:
    """A repository in a folder with its keys, and what agents are given of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "repository"
        self.keys = folder / "keys"
        self.packages = folder / "built"
        self.packages.mkdir()
        repository.init(self.folder, self.keys, signers=3, threshold=2, now=datetime.now(UTC))
        self.root = (self.folder / "metadata" / "1.root.json").read_bytes()
        self.mirror = f"file://{self.folder}"

    def add(self, version: str, content: bytes | None = None, now: datetime | None = None) -> None:
        """Sign a version whose package holds these bytes."""
        package = self.packages / version
        package.write_bytes(content if content is not None else f"program {version}".encode())
        repository.add(self.folder, self.keys, version, [(PLATFORM, package)], now or datetime.now(UTC))

    def metadata(self, name: str) -> Path:
        """Return a file of metadata."""
        return self.folder / "metadata" / name


@pytest.fixture
def versions(tmp_path):
    """A repository with two versions."""
    made = Versions(tmp_path)
    made.add("0.1.0")
    made.add("0.2.0")
    return made
