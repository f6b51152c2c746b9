"""Bulk transfer measured well: sockets, WebSocket framing, counting, the estimate, the echo stream.

What every throughput engine shares, on either end of the line. Nothing here decides whom to measure or what is fast.
"""
