"""What Ada sends and gets back, and how her pages are read."""

import re
from html import unescape

from sqlalchemy import select

from lti_tool.attempts import submit
from lti_tool.lessons import rubric_of
from lti_tool.models import Submission
from lti_tool.results import newest_judgement
from lti_tool.reviews import Decision, release
from tests.lti_tool.judged import judge_as

NASTY = "<script>alert(1)</script>"
LEVELS = {"claim": 2, "failure_story": 3, "retry": 4, "checkpoint": 1, "human_gate": 0, "tradeoffs": 3, "economy": 3}
TAKE = "The function times out mid-run and all in-memory state is lost, so you have to start over."


def send(world, item_id: str, text: str) -> str:
    with world.database.write() as session:
        return submit(session, world.placement(session), world.ada_id, item_id, text).public_id


def judged(world, item_id: str, text: str, levels: dict[str, int | None], **said) -> str:
    with world.database.write() as session:
        sent = submit(session, world.placement(session), world.ada_id, item_id, text)
        judge_as(session, sent, levels, **said)
        return sent.public_id


def released(world, public_id: str, **changed: Decision) -> None:
    with world.database.write() as session:
        sent = session.scalars(select(Submission).where(Submission.public_id == public_id)).one()
        levels = {criterion.id: 3 for criterion in rubric_of(sent).criteria}
        decisions = {key: Decision(level, "other", "as read") for key, level in levels.items()} | changed
        seen = judge_seen(session, sent)
        release(session, world.placement(session), sent, world.ines_id, decisions, seen)


def judge_seen(session, sent: Submission) -> int | None:
    judgement = newest_judgement(session, sent)
    return judgement.id if judgement else None


def page_name(answer) -> str | None:
    found = re.search(r'<main[^>]* data-page="([^"]+)"', answer.text)
    return found.group(1) if found else None


def text_box(answer) -> str:
    """What stands in the page's box, as a browser reads it."""
    found = re.search(r"<textarea[^>]*>\n(.*?)</textarea>", answer.text, re.DOTALL)
    assert found
    return unescape(found.group(1))


def press(page, *keys: str) -> None:
    """One key after the other, on whatever has the focus."""
    for key in keys:
        page.keyboard.press(key)
