"""Cameras and their photos (SPEC §3.9, §4.7)."""

from typing import Annotated, Literal

from vt600_protocol.arguments import Many, Whole, Words
from vt600_protocol.commands.base import Actuating, Query, Setting, command
from vt600_protocol.commands.kinds import Camera, Change, EventCodes, Minutes, PhotoName, PhotoNames


@command
class SetCameraEvents(Setting):
    """Which events take a photo: `211`."""

    camera: Camera
    change: Change
    events: EventCodes


@command
class SetPhotoSize(Setting):
    """The resolution of photos: `260`."""

    camera: Camera
    size: Annotated[Literal["160x128", "320x240", "640x480"], Words(("160x128", 1), ("320x240", 2), ("640x480", 3))]


@command
class SetPhotoInterval(Setting):
    """Take a photo every so many minutes, 0 off: `261`."""

    camera: Camera
    interval_min: Minutes
    ignition_off_min: Minutes | None = None
    stopped_min: Minutes | None = None


@command
class TakePhoto(Actuating):
    """Take a photo now: `4151` (R), `262` with the cameras to use. Twice would be two photos."""

    cameras: Annotated[tuple[int, ...], Many(Whole(1, 9), 1, 9)] | None = None


@command
class ListPhotos(Query):
    """Names of the stored photos: `263`."""


@command
class DeletePhotos(Actuating):
    """Delete photos: `264`."""

    names: PhotoNames


@command
class FetchPhoto(Query):
    """Send a photo, in parts of 1,024 bytes: `265`."""

    name: PhotoName
