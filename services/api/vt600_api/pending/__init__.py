"""Devices that report and that nobody registered."""
