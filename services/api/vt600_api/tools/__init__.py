"""For people who debug and set up trackers."""
