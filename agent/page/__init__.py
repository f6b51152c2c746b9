"""The agent's own local page (``netready-agent page``): a check button, a gauge, the verdict and the history.

For whoever sits at this computer, without an account, so it opens on this computer only. Loaded by that command alone.
"""

from agent.page.guard import loopback
from agent.page.judging import Judges
from agent.page.measuring import Home
from agent.page.server import run

__all__ = ("Home", "Judges", "loopback", "run")
