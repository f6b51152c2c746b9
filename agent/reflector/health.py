"""/healthz: is the reflector alive?"""

from agent.reflector.request import Exchange, Routes, reading, reply


def alive(exchange: Exchange) -> None:
    """Say ok, and goodbye: whoever asks this has no second question."""
    exchange.reusable = False
    reply(exchange, "ok\n")


ROUTES: Routes = reading("/healthz", alive)
