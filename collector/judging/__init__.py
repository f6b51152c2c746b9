"""Verdicts on lines: facts are read from the database, judged by collector.verdicts, and kept in versions."""
