"""One command to many devices, a few at a time."""
