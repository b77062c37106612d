"""Where rows of a device are."""

# In the order in which they are emptied when a device is forgotten: whoever works out its trips holds its row in `trip_states`.
TABLES_OF_A_DEVICE = (
    "trip_states",
    "trip_work",
    "trips",
    "stops",
    "device_hours",
    "device_days",
    "latest_positions",
    "reports",
    "frames",
    "device_sessions",
    "device_links",
    "desired_settings",
    "devices",
)
# What is kept of a device that was forgotten: what people asked of it, and what was refused.
KEPT_OF_A_DEVICE = ("commands", "rejects", "campaign_devices")
