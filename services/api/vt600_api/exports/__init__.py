"""Tracks of any length as files."""
