"""Ines's course in the middle of things: every page of hers, of an admin's and of choosing content shows something."""

import random
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import select

from lti_tool import blind, editions
from lti_tool.admin import make_code
from lti_tool.attempts import submit
from lti_tool.db import utc_now
from lti_tool.deep_linking import ContentRequest
from lti_tool.models import DeepLinking, Deployment, Job, Person, Registration, Submission
from lti_tool.registrations import SELF
from lti_tool.results import newest_judgement
from lti_tool.reviews import Decision, release
from lti_tool.web.sessions import token_hash
from tests.conftest import World
from tests.lti_tool.judged import all_at, judge_as, judged_levels
from tests.lti_tool.web.stages import CHECKLIST, COMMENT, LEVELS, QUOTES

SLUG, ESSAY = "durable-workflows", "durable-workflows-essay"
PICKER_TOKEN = "token-of-ines"
BLIND, ROWS = 40, 12
# What a row of the queue is there for: levels that differ from the others', and what else is said of the sheet.
WHY: tuple[tuple[str, dict[str, Any]], ...] = (
    ("Quote failed: Human gate; the judge is provisional.", {"levels": {"human_gate": None}}),
    ("Part of the text addresses the judge; the judge is provisional.", {"flags": ("addresses_judge",)}),
    ("Human gate: between 2 and 3; the judge is provisional.", {"confidence": 0.4}),
    ("Much of it is copied from the brief; it repeats itself.", {"flags": ("copied_brief", "repetition")}),
    ("The judge is provisional.", {}),
)


def course(world: World, texts: Mapping[str, str]) -> dict[str, str]:
    """Name of a page to its path, under Ines's launch or, with a leading slash, from the root."""
    with world.database.write() as session:
        link = world.placement(session)
        draw = random.Random(5)
        scored = [_sent(session, world, texts["essay"], number, levels=_shifted(draw)) for number in range(BLIND)]
        blind.pick(session, link, BLIND, "ines-01", readers=2)
        for sent in scored[:-1]:
            for reader in (world.ines_id, world.tom_id):
                blind.commit(session, sent, reader, _nearby(session, sent, draw))
        blind.commit(session, scored[-1], world.tom_id, all_at(scored[-1], 3))
        for sent in scored[1:-1]:
            levels = judged_levels(session, sent)
            chosen = {key: Decision(level, "wrong_level") for key, level in levels.items()}
            release(session, link, sent, world.ines_id, chosen, newest_judgement(session, sent).id)
        revealed = scored[0].public_id
        unread = scored[-1].public_id
        for number in range(ROWS):
            reason, said = WHY[number % len(WHY)]
            _sent(session, world, texts["essay"], BLIND + number, reason, **said)
        assisted = _sent(session, world, texts["essay"], BLIND + ROWS).public_id
        _new_words(session, link)
        _waiting_platform(session)
        _choosing(session, world)
        code = make_code(session)
    return {
        "queue": "queue",
        "review-assisted": f"review/{assisted}",
        "review-blind": f"review/{unread}",
        "review-reveal": f"review/{revealed}",
        "calibration": "calibration?item=essay&open=human_gate&you=2&judge=3",
        "settings": "settings",
        "lesson": f"lessons/{SLUG}",
        "rubric": f"lessons/{SLUG}/rubrics/{ESSAY}",
        "roster": "roster",
        "scores": "scores",
        "picker": "/dl/request-1/",
        "registration": f"/admin/enter?code={code}",
        "error-refused": "/lti/login?iss=https://nobody.example.edu&login_hint=1&target_link_uri=/",
    }


def _sent(
    session: Any, world: World, essay: str, number: int, reason: str = "The judge is provisional.", **said: Any
) -> Submission:
    """The essay of one more learner, judged."""
    person = Person(registration_id=world.registration_id, sub=f"c-{number}", handle=f"heron-{number + 10}")
    session.add(person)
    session.flush()
    sent = submit(session, world.placement(session), person.id, "essay", f"{essay} {number}.")
    said = {"quotes": QUOTES, "comment": COMMENT, "label": CHECKLIST, **said}
    judge_as(session, sent, {**LEVELS, "economy": 2 + number % 3, **said.pop("levels", {})}, **said)
    session.scalars(select(Job).where(Job.submission_id == sent.id)).one().gate_reason = reason
    return sent


def _shifted(draw: random.Random) -> dict[str, int | None]:
    """A better or a worse essay: every level moved, and the judge kind about the gate."""
    by = draw.choice((-2, -1, 0, 0, 1))
    moved: dict[str, int | None] = {
        key: min(4, max(0, level + by + draw.choice((0, 0, 1)))) for key, level in LEVELS.items()
    }
    return moved | {"human_gate": min(4, max(0, 3 + by) + draw.choice((0, 1)))}


def _nearby(session: Any, sent: Submission, draw: random.Random) -> dict[str, int]:
    """What a person gives: the judge's level or one beside it, and less on the gate."""
    levels = {key: level + draw.choice((-1, 0, 0, 0, 0, 1)) for key, level in judged_levels(session, sent).items()}
    levels["human_gate"] -= 1
    return {key: min(4, max(0, level)) for key, level in levels.items()}


def _new_words(session: Any, link: Any) -> None:
    """A draft of the rubric that is not published yet."""
    found = editions.edition(session, SLUG, link.context_id)
    content = found.drafts[ESSAY].content
    content["criteria"][4]["title"] = "The gate"
    content["criteria"][4]["weight"], content["criteria"][5]["weight"] = 20, 5
    editions.save_draft(session, SLUG, link.context_id, ESSAY, content, seen=0, by="ines-01")


def _waiting_platform(session: Any) -> None:
    """One that registered itself and was not approved yet."""
    places = dict.fromkeys(("auth_login_url", "auth_token_url", "jwks_url"), "https://school.example.edu/x")
    school = Registration(name="school.example.edu", issuer="https://school.example.edu", client_id="9", **places)
    school.source, school.enabled = SELF, False
    session.add(school)


def _choosing(session: Any, world: World) -> None:
    """Ines chooses content for her course."""
    asked = ContentRequest("https://campus.example.edu/chosen", True, True, ("iframe",), data="d")
    session.add(
        DeepLinking(
            id="request-1",
            token_hash=token_hash(PICKER_TOKEN),
            deployment_id=session.scalars(select(Deployment.id)).first(),
            person_id=world.ines_id,
            return_url=asked.return_url,
            request=asked.as_json(),
            expires_at=utc_now() + timedelta(hours=1),
        )
    )
