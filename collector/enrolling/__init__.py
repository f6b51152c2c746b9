"""Enrolling many computers, and computers that move or leave: what whoever runs the collector does."""
