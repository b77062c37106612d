"""Fixtures of the servers that a test run starts itself."""
