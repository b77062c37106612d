"""Bytes, taken off from the left as parts."""

from vt600_protocol.tools.findings import Part, Value


class Strip:
    """What is left of some bytes, and the parts that were taken of them. Nothing is left out, and no part is empty."""

    def __init__(self, raw: bytes, offset: int) -> None:
        self._raw = raw
        self._offset = offset
        self._done = 0
        self.parts: list[Part] = []

    def take(
        self,
        size: int,
        name: str,
        section: str,
        *,
        value: Value = None,
        unit: str | None = None,
        meaning: str | None = None,
        field: str | None = None,
    ) -> None:
        """The next bytes, or as many of them as there are, are this."""
        raw = self._raw[self._done : self._done + size]
        if not raw:
            return
        offset = self._offset + self._done
        self._done += size
        self.parts.append(
            Part(
                offset=offset,
                raw=raw,
                name=name,
                section=section,
                value=value,
                unit=unit,
                meaning=meaning,
                field=field,
            )
        )

    def rest(self, name: str, section: str, *, value: Value = None, meaning: str | None = None) -> None:
        """All that is left is this."""
        self.take(len(self._raw), name, section, value=value, meaning=meaning)
