"""Settings that a device shall have, and whether it has them."""
