"""The writer of the store: uplinks, command statuses and rejects from the bus into schema `fleet`. A process of its own."""
