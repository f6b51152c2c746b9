"""What one computer's measurements say: of the target, what to fix first, and where the bottleneck is. Pure."""

from agent.diagnosis.computer import diagnose
from agent.diagnosis.finding import ADVICE, NOTABLE_TRAFFIC_BPS, Finding, find, mbit
from agent.diagnosis.page import lines

__all__ = ["ADVICE", "NOTABLE_TRAFFIC_BPS", "Finding", "diagnose", "find", "lines", "mbit"]
