"""How reports become the parts of a file: a head, a part for every batch of rows, an end. Nothing is kept between batches but a comma."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from xml.sax.saxutils import escape

import asyncpg
import orjson

Rows = Sequence[asyncpg.Record]

_PLACED = (
    "device_time",
    "latitude",
    "longitude",
    "altitude_m",
    "speed_kmh",
    "course_deg",
    "fix_valid",
    "satellites",
    "hdop",
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
DEFAULT_FIELDS = (*_PLACED, "odometer_m", "ignition", "kind", "event", "event_data", "late")
_GPX_HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<gpx version="1.1" creator="vt600-gateway" xmlns="http://www.topografix.com/GPX/1/1"
 xmlns:tp="http://www.garmin.com/xmlschemas/TrackPointExtension/v2">
<trk><name>{name}</name><trkseg>
"""
_KML_HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<kml xmlns="http://www.opengis.net/kml/2.2" xmlns:gx="http://www.google.com/kml/ext/2.2">
<Document><name>{name}</name><Placemark><name>{name}</name><gx:MultiTrack><gx:interpolate>1</gx:interpolate>
"""


class Writer(Protocol):
    """Makes one file."""

    def head(self) -> bytes:
        """Its beginning."""

    def part(self, rows: Rows) -> bytes:
        """The rows, at least one."""

    def end(self) -> bytes:
        """Its end, without which it is none."""


@dataclass(frozen=True, slots=True)
class Format:
    """A kind of file: what writes it, whether fields can be chosen, and whether only reports with a valid fix belong into it."""

    media_type: str
    write: Callable[[str, tuple[str, ...]], Writer]
    takes_fields: bool
    only_fixes: bool
    always: tuple[str, ...] = ()

    def columns(self, chosen: tuple[str, ...] | None) -> tuple[str, ...]:
        """What has to be read, the chosen ones first."""
        if not self.takes_fields:
            return _PLACED
        return tuple(dict.fromkeys((*(DEFAULT_FIELDS if chosen is None else chosen), *self.always)))


class CsvWriter:
    """RFC 4180 with a line of names; absent is empty, lists and objects are JSON. Made column by column, which is several times as fast.

    Devices send texts of any kind: one that a spreadsheet would take for a formula has an apostrophe before it.
    """

    def __init__(self, _device_id: str, fields: tuple[str, ...]) -> None:
        self._fields = fields
        self._cells = [_CELLS.get(name, _scalars) for name in fields]

    def head(self) -> bytes:
        """The names."""
        return (",".join(self._fields) + "\r\n").encode()

    def part(self, rows: Rows) -> bytes:
        """A line for each."""
        columns = [cells(column) for cells, column in zip(self._cells, zip(*rows, strict=True), strict=True)]
        if len(columns) == 1:  # an empty line would be none
            columns = [[cell or '""' for cell in columns[0]]]
        return ("\r\n".join(map(",".join, zip(*columns, strict=True))) + "\r\n").encode()

    def end(self) -> bytes:
        """Nothing."""
        return b""


def _scalars(column: Sequence[Any]) -> list[str]:
    """Cells of numbers, times and yes or no: their JSON has no comma."""
    return orjson.dumps(column, option=orjson.OPT_UTC_Z)[1:-1].decode().replace("null", "").replace('"', "").split(",")


def _texts(column: Sequence[str | None]) -> list[str]:
    return ["" if text is None else _quoted(f"'{text}" if text.startswith(_FORMULA) else text) for text in column]


def _lists(column: Sequence[list[Any]]) -> list[str]:
    return [_quoted(orjson.dumps(values).decode()) for values in column]


def _quoted(text: str) -> str:
    if any(sign in text for sign in ',"\r\n'):
        return '"' + text.replace('"', '""') + '"'
    return text


_CELLS: dict[str, Callable[[Sequence[Any]], list[str]]] = {
    **dict.fromkeys(("device_id", "frame_id", "dialect", "kind", "event", "event_data", "extras"), _texts),
    **dict.fromkeys(("analog_raw", "flags"), _lists),
}


class GeoJsonWriter:
    """RFC 7946: a collection of points, a line for each; without a place, a feature without geometry."""

    NEEDS = ("latitude", "longitude", "altitude_m")

    def __init__(self, _device_id: str, fields: tuple[str, ...]) -> None:
        self._places = [fields.index(name) for name in self.NEEDS]
        self._names = [(name, place) for place, name in enumerate(fields) if name not in self.NEEDS]
        self._extras = fields.index("extras") if "extras" in fields else None
        self._between = b""

    def head(self) -> bytes:
        """The collection opens."""
        return b'{"type":"FeatureCollection","features":[\n'

    def part(self, rows: Rows) -> bytes:
        """A line for each."""
        lines = b",\n".join([orjson.dumps(self._feature(row), option=orjson.OPT_UTC_Z) for row in rows])
        between, self._between = self._between, b",\n"
        return between + lines

    def end(self) -> bytes:
        """The collection closes."""
        return b"\n]}\n"

    def _feature(self, row: asyncpg.Record) -> dict[str, Any]:
        latitude, longitude, altitude = (row[place] for place in self._places)
        geometry = None
        if latitude is not None and longitude is not None:
            place = [longitude, latitude] if altitude is None else [longitude, latitude, altitude]
            geometry = {"type": "Point", "coordinates": place}
        properties = {name: row[place] for name, place in self._names}
        if self._extras is not None and row[self._extras] is not None:
            properties["extras"] = orjson.Fragment(row[self._extras])
        return {"type": "Feature", "geometry": geometry, "properties": properties}


class GpxWriter:
    """GPX 1.1, one segment; speed in m/s and course by the extension that others read too. A fix that is none says so."""

    def __init__(self, device_id: str, _fields: tuple[str, ...]) -> None:
        self._name = escape(device_id)

    def head(self) -> bytes:
        """Down to the segment."""
        return _GPX_HEAD.format(name=self._name).encode()

    def part(self, rows: Rows) -> bytes:
        """A point for each."""
        return "".join([self._point(*row) for row in rows]).encode()

    def end(self) -> bytes:
        """All closes."""
        return b"</trkseg></trk>\n</gpx>\n"

    @staticmethod
    def _point(
        time: datetime,
        latitude: float,
        longitude: float,
        altitude: float | None,
        speed: float | None,
        course: float | None,
        fix_valid: bool,  # noqa: FBT001 - a column
        satellites: int | None,
        hdop: float | None,
    ) -> str:
        elevation = "" if altitude is None else f"<ele>{altitude}</ele>"
        fix = "" if fix_valid else "<fix>none</fix>"
        sat = "" if satellites is None else f"<sat>{satellites}</sat>"
        dilution = "" if hdop is None else f"<hdop>{hdop}</hdop>"
        more = "" if speed is None else f"<tp:speed>{speed / 3.6:.3f}</tp:speed>"
        more += "" if course is None else f"<tp:course>{course}</tp:course>"
        if more:
            more = f"<extensions><tp:TrackPointExtension>{more}</tp:TrackPointExtension></extensions>"
        return (
            f'<trkpt lat="{latitude}" lon="{longitude}">{elevation}<time>{_time(time)}</time>'
            f"{fix}{sat}{dilution}{more}</trkpt>\n"
        )


class KmlWriter:
    """KML 2.2 with tracks of Google's extension: one for each batch, since in a track all times come before all places."""

    def __init__(self, device_id: str, _fields: tuple[str, ...]) -> None:
        self._name = escape(device_id)

    def head(self) -> bytes:
        """Down to the tracks."""
        return _KML_HEAD.format(name=self._name).encode()

    def part(self, rows: Rows) -> bytes:
        """A track."""
        times = "".join([f"<when>{_time(row[0])}</when>\n" for row in rows])
        places = "".join([f"<gx:coord>{row[2]} {row[1]} {row[3] or 0}</gx:coord>\n" for row in rows])
        return f"<gx:Track>\n{times}{places}</gx:Track>\n".encode()

    def end(self) -> bytes:
        """All closes."""
        return b"</gx:MultiTrack></Placemark></Document></kml>\n"


FORMATS = {
    "csv": Format("text/csv; charset=utf-8", CsvWriter, takes_fields=True, only_fixes=False),
    "geojson": Format(
        "application/geo+json", GeoJsonWriter, takes_fields=True, only_fixes=False, always=GeoJsonWriter.NEEDS
    ),
    "gpx": Format("application/gpx+xml", GpxWriter, takes_fields=False, only_fixes=True),
    "kml": Format("application/vnd.google-earth.kml+xml", KmlWriter, takes_fields=False, only_fixes=True),
}


def _time(time: datetime) -> str:
    return time.isoformat().replace("+00:00", "Z")
