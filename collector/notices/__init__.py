"""Notices: what people are told of breaches, disputes and silence, by webhook and email; each change once."""
