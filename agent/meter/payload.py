"""The payload of every bulk transfer, ours to send and the reflector's."""

import functools
import os

BLOCK_BYTES = 1 << 20


@functools.cache
def block() -> memoryview:
    """Return random bytes, BLOCK_BYTES of them, that no line can compress; made once and shared."""
    return memoryview(os.urandom(BLOCK_BYTES))
