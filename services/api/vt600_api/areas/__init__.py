"""Which devices were in an area."""
