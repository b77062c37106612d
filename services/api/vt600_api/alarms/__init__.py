"""Alarms of one device and of the fleet."""
