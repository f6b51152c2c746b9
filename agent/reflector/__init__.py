"""The far end of a test: MSAK over WebSocket and a UDP echo, on a server or on another computer of the school."""

from agent.reflector.server import serve

__all__ = ["serve"]
