"""Begin as netready-service.exe."""

import sys

from agent.windows import entry

sys.exit(entry.service())
