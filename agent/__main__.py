"""``python -m agent``: the same as netready-agent."""

import sys

from agent.cli import main

sys.exit(main())
