"""The evidence pack: one verdict with all that it rests on as a PDF, to be printed and taken to a meeting."""
