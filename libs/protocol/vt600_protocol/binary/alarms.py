"""Alarm codes of `9999`: code → (event, event data) (SPEC §3.7). Codes that differ from maker to maker keep their number only."""

ALARMS: dict[int, tuple[str, str | None]] = {
    0x01: ("sos", None),
    0x02: ("input_active", "2"),
    0x03: ("input_active", "3"),
    0x04: ("input_active", "4"),
    0x05: ("input_active", "5"),
    0x10: ("battery_low", None),
    0x11: ("speeding", None),
    0x12: ("fence_left", None),
    0x13: ("fence_entered", None),
    0x14: ("power_on", None),
    0x15: ("gps_lost", None),
    0x16: ("gps_restored", None),
    0x31: ("sos_released", None),
    0x32: ("input_inactive", "2"),
    0x33: ("input_inactive", "3"),
    0x34: ("input_inactive", "4"),
    0x35: ("input_inactive", "5"),
    0x50: ("power_cut", None),
    0x52: ("heading_change", None),
    0x53: ("gps_antenna_cut", None),
    0x63: ("distance", None),
    0x75: ("card_swiped", None),
}
CODE_OF = {meaning: code for code, meaning in ALARMS.items()}
