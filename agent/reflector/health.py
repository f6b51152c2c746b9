"""/healthz: is the reflector alive?"""

from agent.reflector.request import Exchange, Handler, answer


def alive(exchange: Exchange) -> None:
    """Say ok."""
    exchange.sock.sendall(answer(200, "ok\n"))


ROUTES: dict[str, Handler] = {"/healthz": alive}
