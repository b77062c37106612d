"""Commands and their states."""
