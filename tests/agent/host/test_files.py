"""Locks in folders that belong to others."""

import os
import sys

import pytest

from agent.errors import StateError
from agent.host import files

NOBODY = 65_534


@pytest.mark.skipif(sys.platform == "win32", reason="links and owners of Unix")
def test_no_link_leads_a_lock_elsewhere(tmp_path) -> None:
    """Root locks in the service's folder; whoever has the service would have it make files anywhere."""
    (tmp_path / "session.lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StateError, match="cannot make the lock"), files.exclusive(tmp_path / "session.lock"):
        pass
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() != 0, reason="needs root on Unix")
def test_what_root_locks_the_folders_owner_can_lock_too(tmp_path) -> None:
    """The first to lock makes the file: it has to be the service's, or the service never measures again."""
    os.chown(tmp_path, NOBODY, NOBODY)
    with files.exclusive(tmp_path / "session.lock"):
        pass
    made = (tmp_path / "session.lock").stat()
    assert (made.st_uid, made.st_gid, made.st_mode & 0o777) == (NOBODY, NOBODY, 0o600)
