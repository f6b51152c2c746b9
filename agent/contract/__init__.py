"""What agent and collector agree on: measurements, reports, signatures, standards, messages.

Pure: no sockets, no clocks, no environment. The only files read are the data files shipped in ``config/``.
"""
