"""Trips and stops in device time, derived from reports by rules and repaired when late data comes. A process of its own."""
