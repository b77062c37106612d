"""Links of devices: who can be reached, and who was connected when."""
