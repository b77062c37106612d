"""The interlock of engine cuts, looked at in the same step as the write (docs/decisions/0018)."""

from datetime import datetime

from vt600_bus.records import Downlink, Interlock
from vt600_listener.session import Motion, Session

_AHEAD_S = 60.0  # a unit's clock may be a little ahead of ours


def tells_nothing_yet(downlink: Downlink, session: Session) -> bool:
    """Whether the dispatch depends on how fast the vehicle is, and the link is too young to tell."""
    return downlink.interlock is not None and session.motion is None


def refusal(interlock: Interlock, motion: Motion | None, now: datetime) -> str | None:
    """Why the engine must not be cut now, by the newest report of the link; None when it may."""
    if motion is None or motion.speed_kmh is None:
        return "interlock_no_fix"
    age_s = max((now - motion.device_time).total_seconds(), (now - motion.received_at).total_seconds())
    ahead_s = (motion.device_time - now).total_seconds()
    if age_s > interlock.max_fix_age_s or ahead_s > _AHEAD_S:
        return "interlock_no_fix"
    return "interlock_speed" if motion.speed_kmh >= interlock.max_speed_kmh else None
