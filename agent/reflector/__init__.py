"""The far end of a test, on a server or on another computer of the school: MSAK, ndt7, LibreSpeed, Ookla, UDP echo."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agent.reflector.server import serve

__all__ = ["serve"]


def __getattr__(name: str) -> Any:
    """Load the server when it is asked for (PEP 562): the resident agent only opens a door, and stays small."""
    if name == "serve":
        from agent.reflector.server import serve

        return serve
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
