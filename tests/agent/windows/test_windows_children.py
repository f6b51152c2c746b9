"""Which modules the agent starts as processes of their own."""

import re
import subprocess
import sys
from pathlib import Path

import agent
from agent.windows import entry

AGENT = Path(agent.__file__).parent


def test_every_child_is_known() -> None:
    """Each module of the agent that can be started as a process is one that the installed program starts."""
    programs = {
        ".".join(("agent", *file.relative_to(AGENT).with_suffix("").parts))
        for file in AGENT.rglob("*.py")
        if re.search(r'^if __name__ == "__main__":', file.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert programs == set(entry.CHILDREN)


def test_a_fault_of_the_service_is_in_its_log(tmp_path) -> None:
    """A service has no screen: what nobody expected is in the log beside the state, with its trace."""
    program = (
        "from pathlib import Path; from agent.windows import entry; "
        f"entry._log_to(Path({str(tmp_path)!r}) / 'agent.log', exists=True); raise ZeroDivisionError('Қате')"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (1, b"")
    log = (tmp_path / "agent.log").read_text(encoding="utf-8")
    assert "Traceback" in log
    assert "ZeroDivisionError: Қате" in log
