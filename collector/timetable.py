"""How often the jobs beside the answers run: for what starts them, and for the page that tells which one is late."""

from collector.judging import running
from collector.ledger import checkpointing
from collector.notices import looking, sending

# Seconds from the beginning of one run to that of the next.
EVERY_S: dict[str, float] = {
    "rollup": 5,
    "yesterday": 86_400,
    "findings": 5,
    "new-rules": 3_600,
    "requests": 900,
    "records": 60,
    "maintenance": 3_600,
    "log": 5,
    "verdicts": running.EVERY_S,
    "checkpoint": checkpointing.EVERY_S,
    "notices": looking.EVERY_S,
    "messages": sending.EVERY_S,
    "fleet": 300,
}
