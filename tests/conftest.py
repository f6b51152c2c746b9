"""What holds for every test."""

from hypothesis import settings

# No timed asserts: a slow shared machine is no reason to fail a property.
settings.register_profile("netready", deadline=None)
settings.load_profile("netready")
