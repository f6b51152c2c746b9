"""The HTTP API under /api/v1: agents deliver, people's programs ask. Every answer is one the pages show too."""
