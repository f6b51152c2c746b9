"""The log as the collector keeps it: what waits is given its place, checkpoints are signed, witnesses answer."""
