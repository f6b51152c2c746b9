"""Begin as netready-agent.exe."""

import sys

from agent.windows import entry

sys.exit(entry.agent())
