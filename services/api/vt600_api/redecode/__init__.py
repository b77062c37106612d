"""History read again: frames through the present decoder and the present settings of devices, and what differs put right."""
