"""For people who debug trackers: what bytes say, and the SMS that point a tracker at a server. No I/O."""

from vt600_protocol.tools.explain import explain
from vt600_protocol.tools.findings import Explanation, Finding, FindingKind, Flow, Part, Value
from vt600_protocol.tools.hex_input import InputCode, InputError, read_hex
from vt600_protocol.tools.setup_sms import Mode, Setup, setup_sms

__all__ = [
    "Explanation",
    "Finding",
    "FindingKind",
    "Flow",
    "InputCode",
    "InputError",
    "Mode",
    "Part",
    "Setup",
    "Value",
    "explain",
    "read_hex",
    "setup_sms",
]
