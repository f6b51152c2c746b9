"""Bundles of evidence, made from the database; their format and the verifier are collector.evidence's."""
