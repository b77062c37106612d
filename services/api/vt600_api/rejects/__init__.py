"""Bytes that were refused."""
