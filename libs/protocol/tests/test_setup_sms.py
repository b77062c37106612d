"""The SMS of a setup are those of the SPEC; what a tracker could not take is refused by name."""

from typing import Any

import pytest

from vt600_protocol import CommandError
from vt600_protocol.tools import Setup, setup_sms

BINARY: dict[str, Any] = {"dialect": "binary", "host": "track.example.org", "port": 8888}
ASCII: dict[str, Any] = {**BINARY, "dialect": "ascii"}
ALL: dict[str, Any] = {
    "apn": "internet",
    "apn_user": "u",
    "apn_password": "p",
    "interval_s": 30,
    "heartbeat_min": 5,
    "mode": "udp",
}


def test_a_binary_setup_is_that_of_section_7() -> None:
    assert setup_sms(Setup(**BINARY, **ALL, device_id="143190975469", password="123456")) == (
        "W123456,010,143190975469",
        "W123456,011,internet,u,p",
        "W123456,014,00003",
        "W123456,015,5",
        "W123456,012,track.example.org,8888",
        "W123456,013,2",
    )


def test_an_ascii_setup_is_that_of_section_4_7() -> None:
    assert setup_sms(Setup(**ASCII, **ALL, device_id="865429043319537", password="a1B2")) == (
        "a1B2,110,865429043319537",
        "a1B2,109,internet,u,p",
        "a1B2,102,30",
        "a1B2,122,5",
        "a1B2,100,2,track.example.org,8888",
    )


def test_what_is_not_given_is_left_alone_and_the_password_is_the_factory_s() -> None:
    assert setup_sms(Setup(**BINARY)) == ("W000000,012,track.example.org,8888", "W000000,013,1")
    assert setup_sms(Setup(**ASCII)) == ("0000,100,1,track.example.org,8888",)


@pytest.mark.parametrize(
    ("access", "text"),
    [
        ({"apn": "a"}, "a"),
        ({"apn": "a", "apn_user": "u"}, "a,u"),
        ({"apn": "a", "apn_password": "p"}, "a,,p"),
        ({"apn": "a", "apn_user": "", "apn_password": ""}, "a"),
    ],
)
def test_empty_ends_of_the_access_point_are_left_out(access: dict[str, Any], text: str) -> None:
    assert setup_sms(Setup(**BINARY, **access))[0] == f"W000000,011,{text}"


@pytest.mark.parametrize(
    "values",
    [
        {"port": 1},
        {"port": 65_535},
        {"host": "h" * 32},
        {"interval_s": 655_350},
        {"interval_s": 10},
        {"heartbeat_min": 0},
        {"heartbeat_min": 65_535},
        {"device_id": "1" * 14},
        {"apn": "a" * 63, "apn_user": "u" * 32, "apn_password": "p" * 32},
    ],
)
def test_the_last_value_allowed_is_allowed_and_fits_an_sms(values: dict[str, Any]) -> None:
    assert all(len(text) <= 160 and text.isascii() for text in setup_sms(Setup(**{**BINARY, **values})))


@pytest.mark.parametrize(
    ("base", "values", "argument"),
    [
        (BINARY, {"dialect": "morse"}, "dialect"),
        (BINARY, {"mode": "off"}, "mode"),
        (BINARY, {"host": ""}, "host"),
        (BINARY, {"host": "h" * 33}, "host"),
        (BINARY, {"host": "a,b"}, "host"),
        (BINARY, {"host": "höst"}, "host"),
        (BINARY, {"host": "host\n"}, "host"),
        (BINARY, {"port": 0}, "port"),
        (BINARY, {"port": 65_536}, "port"),
        (BINARY, {"apn": ""}, "apn"),
        (BINARY, {"apn": "a" * 64}, "apn"),
        (BINARY, {"apn": "a,b"}, "apn"),
        (BINARY, {"apn": "a", "apn_user": "u" * 33}, "apn_user"),
        (BINARY, {"apn": "a", "apn_password": "p w"}, "apn_password"),
        (BINARY, {"apn_user": "u", "apn_password": "p"}, "apn_user"),
        (BINARY, {"apn_password": "p"}, "apn_password"),
        (BINARY, {"interval_s": 0}, "interval_s"),
        (BINARY, {"interval_s": 15}, "interval_s"),
        (BINARY, {"interval_s": 655_360}, "interval_s"),
        (ASCII, {"interval_s": 0}, "interval_s"),
        (ASCII, {"interval_s": 65_536}, "interval_s"),
        (BINARY, {"heartbeat_min": -1}, "heartbeat_min"),
        (BINARY, {"heartbeat_min": 65_536}, "heartbeat_min"),
        (BINARY, {"device_id": "12A"}, "device_id"),
        (BINARY, {"device_id": "1" * 15}, "device_id"),
        (BINARY, {"device_id": "000"}, "device_id"),
        (ASCII, {"device_id": "12"}, "device_id"),
        (ASCII, {"device_id": "1" * 17}, "device_id"),
        (BINARY, {"password": "12345"}, "password"),
        (BINARY, {"password": "12345a"}, "password"),
        (BINARY, {"password": ""}, "password"),
        (ASCII, {"password": "000000"}, "password"),
    ],
)
def test_what_no_tracker_takes_is_refused_by_name(base: dict[str, Any], values: dict[str, Any], argument: str) -> None:
    with pytest.raises(CommandError) as refusal:
        setup_sms(Setup(**{**base, **values}))

    assert refusal.value.argument == argument
    assert argument in str(refusal.value)
