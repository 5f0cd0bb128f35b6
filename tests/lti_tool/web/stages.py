"""Ada's placement in the middle of things: every page and state of a student's has something to show."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select

from lti_tool import appeals, coaching, jobs, returns
from lti_tool.attempts import save_draft, submit
from lti_tool.lessons import answer_term, rubric_of
from lti_tool.models import Appeal, Job, Submission
from lti_tool.pins import pin
from lti_tool.results import newest_judgement
from lti_tool.reviews import Decision, release
from rubrics.diagram import parse_drawing
from rubrics.drawing import check_drawing
from tests.conftest import World
from tests.lti_tool.judged import judge_as, judged_levels

CHECKLIST = (
    "A checklist that looks offline for phrases the rubric's author wrote down: "
    "it cannot follow an argument, its levels are provisional, and a person decides."
)
LEVELS = {"claim": 3, "failure_story": 3, "retry": 3, "checkpoint": 4, "human_gate": 2, "tradeoffs": 2, "economy": 3}
QUOTES = {
    "claim": "A durable runtime is that plan",
    "failure_story": "At step twelve the filings API answers 429.",
    "retry": "the policy waits two seconds, then four, then eight, with jitter, five tries at most",
    "checkpoint": "a new one picked up the run, replayed the history to rebuild its place, and went on at fourteen",
    "human_gate": "An email cannot be unsent, so step seventeen parks the run",
    "tradeoffs": "There is one more service to run or rent",
    "economy": "None of this is free.",
}
COMMENT = "The place is right. What does the analyst see, and what happens on no, and on silence?"
TAKE = "The function times out mid-run and all in-memory state is lost, so you have to start over."
TAKE_LEVELS = {"hit": 3, "edge": 2, "form": 2}
COACH = {
    "why": "Right cause. Where does the state live, and what does starting over cost?",
    "rewrite": "The function times out mid-run, its memory dies with it, so the retry starts at step 1 and pays twice.",
}
HALF_A_TAKE = (
    "Derive a key from the run, the step and the input, claim it in your own table before the call, save the response "
    "under it after, and let a second attempt read that response instead of calling again; and if the row is claimed "
    "but still empty, ask the provider first whether it is already there."
)


def everything(world: World, texts: Mapping[str, str]) -> dict[str, str]:
    """Name of a state to its path under Ada's launch."""
    with world.database.write() as session:
        link = world.placement(session)
        link.settings = {"show_judged": True, "attempts": {"essay": 4}}
        first = _judged(session, link, world.ada_id, "essay", texts["essay"].replace("Take one run. ", ""), low=True)
        _released(session, link, first, world.ines_id)
        essay = _judged(session, link, world.ada_id, "essay", texts["essay"])
        _released(session, link, essay, world.ines_id, claim=Decision(4, "missed_evidence", "The second sentence."))
        pin(session, essay, appeals.sentences(essay)[0])
        _appealed(session, link, essay, world)
        drawing = _judged(session, link, world.ada_id, "drawing", texts["drawing"])
        take = _judged(session, link, world.ada_id, "q1", TAKE, levels=TAKE_LEVELS)
        coaching.reply(session, session.scalars(select(Job.id).where(Job.submission_id == take.id)).one(), COACH)
        running = submit(session, link, world.ada_id, "essay", f"{texts['essay']} More.")
        _running(session, running)
        for term in ("idempotent-step", "checkpoint", "idempotent-step", "checkpoint"):
            answer_term(session, link, world.ada_id, term, got_it=True)
        save_draft(session, link, world.ada_id, _item(session, link, "q2"), HALF_A_TAKE)
        save_draft(session, link, world.ada_id, _item(session, link, "essay"), texts["essay"])
        item = _item(session, link, "drawing")
        save_draft(session, link, world.ada_id, item, item.sample("minimal").text)
        submit(session, link, world.bo_id, "essay", texts["essay"])
        sheets = {
            "result": essay,
            "result-first": first,
            "result-drawing": drawing,
            "result-take": take,
        }
        paths = {name: f"submissions/{sent.public_id}" for name, sent in sheets.items()}
        return {
            "notice": "notice",
            "path": "path",
            "reference": "steps/reference",
            "vocabulary": "steps/vocabulary",
            "vocabulary-open": "steps/vocabulary?card=checkpoint&face=definition",
            "warm-up": "steps/warm-up",
            "pitch": "items/essay",
            "draw": "items/drawing",
            "confirm": "items/essay/confirm",
            "confirm-drawing": "items/drawing/confirm",
            "judging": f"submissions/{running.public_id}/judging",
            **paths,
            "appeal": f"submissions/{essay.public_id}/appeal?criterion=human_gate",
            "pin": f"submissions/{essay.public_id}/pin",
            "help": "help",
            "nothing-here": "steps/nowhere",
            "index": "index",
        }


def _item(session: Any, link: Any, item_id: str) -> Any:
    from lti_tool.lessons import lesson_here

    return lesson_here(session, link).lesson.item(item_id)


def _judged(
    session: Any,
    link: Any,
    person_id: int,
    item_id: str,
    text: str,
    *,
    low: bool = False,
    levels: Mapping[str, int] = LEVELS,
) -> Submission:
    sent = submit(session, link, person_id, item_id, text)
    criteria = [criterion.id for criterion in rubric_of(sent).criteria]
    given: dict[str, int | None] = {
        key: levels.get(key, 2) - (1 if low and key != "economy" else 0) for key in criteria
    }
    quotes = {key: quote for key, quote in QUOTES.items() if key in criteria and quote in text and not low}
    checks = check_drawing(parse_drawing(text)).model_dump(mode="json") if item_id == "drawing" else None
    judge_as(session, sent, given, quotes=quotes, comment=COMMENT, graph_checks=checks, label=CHECKLIST)
    return sent


def _released(session: Any, link: Any, sent: Submission, reviewer_id: int, **changed: Decision) -> None:
    judgement = newest_judgement(session, sent)
    assert judgement is not None
    rated = {key: Decision(level) for key, level in judged_levels(session, sent).items()}
    release(session, link, sent, reviewer_id, rated | changed, judgement.id)


def _appealed(session: Any, link: Any, essay: Submission, world: World) -> Appeal:
    """One appeal that was answered."""
    made = appeals.send_appeal(session, link, essay, "tradeoffs", 4, "The last paragraph names three costs.")
    appeals.commit_level(session, made, world.tom_id, 3)
    appeals.answer(session, link, made, world.tom_id, 3, "Three costs, and when not to use it.")
    return made


def _running(session: Any, sent: Submission) -> None:
    job = session.scalars(select(Job).where(Job.submission_id == sent.id)).one()
    job.state = "running"
    jobs.add_event(session, job.id, "reading", words=513)
    for done, criterion in enumerate(("claim", "failure_story", "retry"), 1):
        jobs.add_event(session, job.id, "judging", criterion=criterion, title=criterion, done=done, of=7)
    jobs.add_event(session, job.id, "resumed", at="judging 3 of 7")


def sent_back(world: World, texts: Mapping[str, str]) -> dict[str, str]:
    """Ada's essay came back to her with a sentence: the pages that say so."""
    with world.database.write() as session:
        link = world.placement(session)
        essay = _judged(session, link, world.ada_id, "essay", texts["essay"])
        returns.return_work(session, link, essay, world.ines_id, "Take a side first, then send it again.")
        return {
            "sent-back-path": "path",
            "sent-back": "items/essay",
            "sent-back-log": f"submissions/{essay.public_id}/judging",
        }
