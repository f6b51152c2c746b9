"""The agent as a Windows service, and what its installer has it do. Never run on Windows so far.

The calls are made with ctypes: a dozen functions with fixed structures are less to keep than pywin32, whose compiled
modules would have to be built, signed and kept beside every Python.
"""

SERVICE = "NetreadyAgent"
ENROLL_KEY = r"Software\netready\Enroll"
