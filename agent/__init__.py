"""The netready agent: measures on one school computer and reports what it saw. It never judges an operator."""

__version__ = "0.1.0"
