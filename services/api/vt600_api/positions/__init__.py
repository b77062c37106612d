"""Tracks and latest positions."""
