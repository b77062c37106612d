"""Kinds of arguments that several commands share. Where the SPEC gives no range, it is what the wire can carry."""

from typing import Annotated, Literal

from vt600_protocol.arguments import Decimal, Many, Text, Whole, Words

Server = Literal[1, 2]
"""Server 1 or 2; binary units have one (SPEC §2)."""

Seconds = Annotated[int, Whole(0, 65_535)]
Minutes = Annotated[int, Whole(0, 65_535)]
Metres = Annotated[int, Whole(0, 65_535)]
SpeedKmh = Annotated[int, Whole(0, 255)]
SafeSpeedKmh = Annotated[int, Whole(1, 255, none=0)]
Millimetres = Annotated[int, Whole(0, 65_535)]
Milliseconds = Annotated[int, Whole(0, 65_535)]
Litres = Annotated[int, Whole(0, 65_535)]
Threshold = Annotated[int, Whole(0, 65_535)]

Output = Annotated[int, Whole(1, 16)]
Input = Annotated[int, Whole(1, 16)]
Camera = Annotated[int, Whole(1, 9)]
Tank = Annotated[int, Whole(1, 9)]
Index8 = Annotated[int, Whole(1, 8)]

Latitude = Annotated[float, Decimal(-90, 90)]
Longitude = Annotated[float, Decimal(-180, 180)]
Celsius = Annotated[float, Decimal(-100, 200)]

Name = Annotated[str, Text(16, 1)]
Host = Annotated[str, Text(32, 1, r"[A-Za-z0-9.:_-]+", "letters, digits, dots and hyphens")]
Port = Annotated[int, Whole(1, 65_535)]
Apn = Annotated[str, Text(32)]
Phone = Annotated[str, Text(16, 0, r"\+?[0-9*#]*", "digits, perhaps with + in front")]
EventCodes = Annotated[tuple[int, ...], Many(Whole(0, 255), 1, 64)]
PhotoName = Annotated[str, Text(64, 1)]
PhotoNames = Annotated[tuple[str, ...], Many(Text(64, 1), 1, 60)]
Cards = Annotated[tuple[str, ...], Many(Text(16, 1, r"#[0-9A-Fa-f]+|[0-9]+", "digits, or # and hex digits"), 1, 60)]

ServerMode = Annotated[Literal["off", "tcp", "udp"], Words(off=0, tcp=1, udp=2)]
Change = Annotated[Literal["set", "add", "delete"], Words(set=1, add=2, delete=3)]
