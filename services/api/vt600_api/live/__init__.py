"""What happens now: from the bus to every WebSocket client that asked for it."""
