"""Queues downlink commands and has them sent over each device's open link."""
