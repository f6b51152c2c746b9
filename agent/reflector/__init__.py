"""The far end of a test, on a server or on another computer of the school: MSAK, ndt7, LibreSpeed, Ookla, UDP echo."""

from agent.reflector.server import serve

__all__ = ["serve"]
