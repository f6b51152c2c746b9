"""The commands of whoever keeps the collector running."""
