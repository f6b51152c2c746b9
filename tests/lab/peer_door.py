"""Let other computers of a school test against this one until standard input closes. Prints the port; takes AGENT."""

import sys
from contextlib import nullcontext

from agent.contract.wire import Inside
from agent.reflector.peer_presence import Presence

KEY = bytes(range(32))


def main() -> None:
    presence = Presence(sys.argv[1], nullcontext)
    presence.follow(Inside(peer_key=KEY))
    print(presence.port, flush=True)  # noqa: T201
    sys.stdin.read()
    presence.close()
    presence.join()


if __name__ == "__main__":
    main()
