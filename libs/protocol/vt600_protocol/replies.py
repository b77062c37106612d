"""What devices answer to commands, as values (SPEC §3.10, §4.7). Bytes ↔ values are the dialects' `replies` modules."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeVar

if TYPE_CHECKING:
    from vt600_protocol.messages import SensorTemperature

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who the unit is: `9001`, `801`."""

    serial_number: str
    imei: str
    firmware: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IntervalSetting:
    """The report interval: `5100`, `9002`."""

    interval_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ButtonPhones:
    """Who is told and who is called by a button: `9003`."""

    sms_phone: str
    call_phone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Temperatures:
    """What the temperature sensors read: `137`."""

    readings: tuple["SensorTemperature", ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CardState:
    """Whether a card is authorised."""

    card: str
    authorised: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CardStates:
    """Which of the cards asked for are authorised: `146`."""

    cards: tuple[CardState, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraResult:
    """Whether a camera took its photo."""

    camera: int
    ok: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraResults:
    """Which cameras took their photo: `262`."""

    cameras: tuple[CameraResult, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotoList:
    """Names of the stored photos, as far as one packet holds them: `263`."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotoBytes:
    """A part of a photo: `265`. `size` is what the unit says of it; the bytes are what there is."""

    name: str
    offset: int
    size: int
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitStatus:
    """The unit's state in short: `802`. Masks as in PositionReport."""

    status: int
    inputs: int
    outputs: int
    csq: int
    satellites: int
    battery_v: float
    external_v: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SimCard:
    """The SIM card's number: `803`."""

    ccid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """The parameters of a setting, in the order of its command: `808`."""

    code: str
    values: tuple[str, ...]


FirmwareFlag = Literal["yes", "no", "not_authorised"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FirmwareOffer:
    """What the unit says to announced firmware: `990`. `packet_bytes` is how much it takes at a time."""

    flag: FirmwareFlag
    code: int
    packet_bytes: int
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FirmwarePart:
    """What the unit says to a part of the firmware: `992`."""

    offset: int
    size: int
    flag: FirmwareFlag


ReplyValues = (
    Identity
    | IntervalSetting
    | ButtonPhones
    | Temperatures
    | CardStates
    | CameraResults
    | PhotoList
    | PhotoBytes
    | UnitStatus
    | SimCard
    | Parameters
    | FirmwareOffer
    | FirmwarePart
)


class Answer(NamedTuple):
    """What a reply says: the device's own yes or no (None when it answers with values), its word for no, and the values."""

    ok: bool | None = None
    reason: str | None = None
    values: ReplyValues | None = None


@dataclass(frozen=True, slots=True)
class ReplyForm:
    """How a reply is read and written.

    `read` gives an empty Answer for data that is not laid out as the SPEC says; `write` raises ValueError for an Answer that has
    no such form. A form that carries values may be replaced by another when there are none.
    """

    name: str
    read: Callable[[bytes], Answer]
    write: Callable[[Answer], bytes]
    carries_values: bool = True
    without_values: "ReplyForm | None" = None


def values_of(answer: Answer, kind: type[T]) -> T:
    """The values of an Answer that must be of a kind."""
    if not isinstance(answer.values, kind):
        raise ValueError(f"this reply carries {kind.__name__}, not {type(answer.values).__name__}")  # noqa: TRY004
    return answer.values
