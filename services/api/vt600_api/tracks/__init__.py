"""What a track says as a whole: its shape, its course in equal steps of time, and where it is missing."""
