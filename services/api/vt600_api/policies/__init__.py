"""How long the store keeps what, and when it compresses it."""
