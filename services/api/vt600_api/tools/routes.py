"""For people who debug and set up trackers: what bytes say, and the SMS of a setup. Nothing is stored or sent."""

from fastapi import APIRouter

from vt600_api.dependencies import Reader
from vt600_api.errors import ApiError
from vt600_api.tools.schemas import BytesToExplain, ExplanationView, SetupSms, SetupToWrite
from vt600_protocol import CommandError
from vt600_protocol.tools import InputError, Setup, explain, read_hex, setup_sms

router = APIRouter(prefix="/v1/tools", tags=["tools"])

_MAX_BYTES = 16 * 1024
_STATUS = {"input_too_long": 413}


@router.post("/explain", response_model=ExplanationView)
def explain_bytes(_caller: Reader, body: BytesToExplain) -> ExplanationView:
    """What each byte says, with the section of the protocol's description, and what is wrong with a bad frame."""
    try:
        data = read_hex(body.hex, max_bytes=_MAX_BYTES)
    except InputError as error:
        found = [{"where": "hex", "message": str(error)}]
        raise ApiError(_STATUS.get(error.code, 422), error.code, str(error), errors=found) from error
    return ExplanationView.of(explain(data, body.direction))


@router.post("/setup-sms", response_model=SetupSms)
def write_setup_sms(_caller: Reader, body: SetupToWrite) -> SetupSms:
    """The SMS that point a tracker at a server, in the order to send them."""
    try:
        texts = setup_sms(Setup(**body.model_dump()))
    except CommandError as error:
        found = [{"where": error.argument, "message": str(error)}]
        raise ApiError(422, "invalid_command_argument", str(error), errors=found) from error
    return SetupSms(texts=list(texts))
