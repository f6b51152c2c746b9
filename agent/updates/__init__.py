"""New versions of this program: found, verified, installed outside of lessons, tried, and taken back where they fail.

What may be installed is said by metadata of The Update Framework (TUF 1.0), signed with keys that no server has. The
collector's policy only chooses among that: which version, for what share of the computers, from which mirrors.
"""
