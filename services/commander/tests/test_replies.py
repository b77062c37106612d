"""What devices answer, and which command it settles."""

from typing import TYPE_CHECKING, Any

import pytest
from msgspec import structs

from vt600_commander.models import QueuedCommand

pytestmark = pytest.mark.servers

if TYPE_CHECKING:
    from conftest import Desk

IMMOBILISE: dict[str, Any] = {"name": "set_immobiliser", "engaged": True}


async def unknown(desk: "Desk", dialect: str = "binary") -> tuple[QueuedCommand, str]:
    """An actuating command that was written and not answered, and its link."""
    session = desk.link(dialect)
    command = await desk.ask(**IMMOBILISE)
    await desk.written()
    await desk.later(61)
    assert command.state == "unknown"
    return command, session.session_id


async def test_the_devices_no_is_a_failure(desk: "Desk") -> None:
    desk.link()
    command = await desk.ask(**IMMOBILISE)
    await desk.tell(desk.reply(await desk.written(), ok=False))

    assert (command.state, command.reason, command.reply) == ("failed", "Failed", b"reply")


async def test_values_are_an_answer(desk: "Desk") -> None:
    desk.link()
    command = await desk.ask()
    await desk.tell(desk.reply(await desk.written(), ok=None))

    assert (command.state, command.reply_text) == ("acknowledged", "1,2,3")


async def test_an_answer_between_two_tries_settles_the_command(desk: "Desk") -> None:
    desk.link()
    command = await desk.ask()
    downlink = await desk.written()
    await desk.later(32)
    assert (command.state, command.reason) == ("queued", "no_answer")
    await desk.tell(desk.reply(downlink))

    assert (command.state, command.reason) == ("acknowledged", None)
    await desk.later(60)
    assert await desk.dispatch() is None


async def test_in_binary_nothing_is_answered_before_its_write_was_told(desk: "Desk") -> None:
    desk.link()
    command = await desk.ask(**IMMOBILISE)
    downlink = await desk.sent()
    await desk.tell(desk.reply(downlink))
    assert (command.state, command.reply) == ("dispatched", None)
    await desk.tell(desk.report(downlink, "written"))
    await desk.tell(desk.reply(downlink))

    assert (command.state, command.reply) == ("acknowledged", b"reply")


async def test_in_ascii_the_packet_number_proves_an_answer_whose_write_was_never_told(desk: "Desk") -> None:
    desk.link("ascii")
    command = await desk.ask(**IMMOBILISE)
    downlink = await desk.sent()
    await desk.tell(desk.reply(downlink))
    assert command.state == "acknowledged"
    await desk.tell(desk.report(downlink, "written"))

    assert command.state == "acknowledged"


async def test_in_ascii_another_packet_number_answers_nothing(desk: "Desk") -> None:
    desk.link("ascii")
    command = await desk.ask(**IMMOBILISE)
    await desk.tell(desk.reply(await desk.written(), packet_no="~"))

    assert command.state == "written"


async def test_a_reply_of_another_code_answers_nothing(desk: "Desk") -> None:
    desk.link()
    await desk.ask("request_position")
    position = await desk.written()
    await desk.tell(desk.reply(position))
    command = await desk.ask()
    await desk.written()
    await desk.tell(desk.reply(position))

    assert command.state == "written"


async def test_a_late_answer_over_the_same_link_is_kept(desk: "Desk") -> None:
    command, session_id = await unknown(desk)
    other = await desk.ask("restart")
    await desk.written()
    await desk.tell(desk.reply_to(command, session_id))

    assert (command.state, command.reason) == ("acknowledged", "late")
    assert other.state == "written"


async def test_a_late_answer_over_another_link_proves_nothing(desk: "Desk") -> None:
    command, _session_id = await unknown(desk)
    await desk.tell(desk.reply_to(command, "another"))

    assert command.state == "unknown"


async def test_a_late_answer_that_two_commands_may_have_got_proves_nothing(desk: "Desk") -> None:
    command, session_id = await unknown(desk)
    other = await desk.ask(**IMMOBILISE)
    await desk.written()
    await desk.later(61)
    await desk.tell(desk.reply_to(command, session_id))

    assert (command.state, other.state) == ("unknown", "unknown")


async def test_a_late_answer_is_not_taken_for_that_of_a_command_not_yet_written(desk: "Desk") -> None:
    command, session_id = await unknown(desk)
    other = await desk.ask(**IMMOBILISE)
    await desk.sent()
    await desk.tell(desk.reply_to(command, session_id))

    assert (command.state, other.state) == ("acknowledged", "dispatched")


async def test_an_answer_that_is_read_twice_settles_one_command(desk: "Desk") -> None:
    old, _session_id = await unknown(desk)
    command = await desk.ask(**IMMOBILISE)
    answer = desk.reply(await desk.written())
    await desk.tell(answer)
    next_one = await desk.ask(**IMMOBILISE)
    await desk.tell(answer)
    desk.seconds += 1
    await desk.written()
    await desk.tell(answer)

    assert (old.state, command.state, next_one.state) == ("unknown", "acknowledged", "written")


async def test_a_stray_answer_that_is_read_again_does_not_answer_what_was_written_since(desk: "Desk") -> None:
    desk.link()
    command = await desk.ask(**IMMOBILISE)
    downlink = await desk.sent()
    stray = desk.reply(downlink)
    await desk.tell(stray)
    desk.seconds += 1
    await desk.tell(desk.report(downlink, "written"))
    await desk.tell(stray)

    assert command.state == "written"


async def test_a_position_that_might_have_come_unasked_is_marked_as_not_provable(desk: "Desk") -> None:
    desk.link()
    command = await desk.ask("request_position")
    reply = desk.reply(await desk.written())
    await desk.tell(structs.replace(reply, certain=False))

    assert (command.state, command.reason) == ("acknowledged", "not_provable")


async def test_in_ascii_a_late_answer_to_an_earlier_try_settles_the_command(desk: "Desk") -> None:
    desk.link("ascii")
    command = await desk.ask(deadline_s=3600)
    first = await desk.written()
    await desk.later(36)
    second = await desk.written()
    assert first.packet_no != second.packet_no
    await desk.tell(desk.reply(first))

    assert command.state == "acknowledged"


async def test_in_ascii_a_late_answer_is_kept_whatever_link_it_comes_over(desk: "Desk") -> None:
    command, _session_id = await unknown(desk, "ascii")
    await desk.tell(desk.reply_to(command, desk.link("ascii").session_id))

    assert (command.state, command.reason) == ("acknowledged", "late")


async def test_in_binary_an_answer_that_may_be_that_of_other_bytes_settles_nobody(desk: "Desk") -> None:
    """On, no answer; off: the one answer under their code may be that to the first, and the second is that to the other."""
    desk.link()
    on = await desk.ask("set_output", output=2, on=True)
    await desk.written()
    await desk.later(61)
    off = await desk.ask("set_output", output=2, on=False, deadline_s=600)
    downlink = await desk.written()
    await desk.tell(desk.reply(downlink))
    assert (on.state, off.state, off.reason) == ("unknown", "written", "answer_in_doubt")
    desk.seconds += 1
    await desk.tell(desk.reply(downlink))

    assert (on.state, off.state) == ("unknown", "acknowledged")


async def test_in_binary_the_second_answer_to_a_setting_is_not_taken_for_that_of_the_next(desk: "Desk") -> None:
    desk.link()
    first = await desk.ask("set_interval", interval_s=60, deadline_s=3600)
    await desk.written()
    await desk.later(36)
    answer = desk.reply(await desk.written())
    await desk.tell(answer)
    assert first.state == "acknowledged"
    second = await desk.ask("set_interval", interval_s=30, deadline_s=3600)
    desk.seconds += 1
    downlink = await desk.written()
    desk.seconds += 1
    await desk.tell(desk.reply(downlink))
    assert (second.state, second.reason) == ("written", "answer_in_doubt")
    desk.seconds += 1
    await desk.tell(desk.reply(downlink))

    assert second.state == "acknowledged"


async def test_a_reply_that_nobody_waits_for_changes_nothing(desk: "Desk") -> None:
    desk.link()
    command = await desk.ask()
    downlink = await desk.written()
    await desk.tell(desk.reply(downlink))
    revision = command.revision
    desk.seconds += 1
    await desk.tell(desk.reply(downlink))

    assert (command.state, command.revision) == ("acknowledged", revision)
