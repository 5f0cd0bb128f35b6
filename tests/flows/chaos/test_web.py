"""The web process killed inside a learner's and an instructor's click: the click counts whole, or not at all."""

import multiprocessing
from collections.abc import Mapping

import pytest
import requests
from sqlalchemy import select

from lti_tool.models import Job, JudgementRow, Passback, Release, Submission
from lti_tool.web.app import create_app
from lti_tool.web.sessions import COOKIE, open_session
from tests.flows.chaos.child import web
from tests.flows.chaos.site import TEXTS, Site
from tests.lti_tool.web.conftest import Browser

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


class Click:
    """A form of one person on one launch, sent over HTTP to a web process, which may be killed under it."""

    def __init__(self, site: Site, launch_id: str, path: str, form: Mapping[str, str]) -> None:
        self.site, self.path, self.form = site, f"/l/{launch_id}/{path}", form
        with site.world.database.write() as session:
            self.token = open_session(session, launch_id, minutes=60)
        app = create_app(site.errand().settings, site.world.database)
        client = app.test_client()
        client.set_cookie(COOKIE, self.token, path=f"/l/{launch_id}/")
        self.seal = Browser(client, launch_id, self.token).seal()

    def send(self, window: str = "") -> int:
        """The status of the answer; 0 where the web process was killed in the window instead."""
        here, there = multiprocessing.Pipe()
        errand = self.site.errand(window)
        process = self.site.start(errand, web, there)
        try:
            answer = requests.post(
                here.recv() + self.path,
                data={"form_token": self.seal, **self.form},
                cookies={COOKIE: self.token},
                allow_redirects=False,
                timeout=30,
            )
        except requests.ConnectionError:
            self.site.note_kill(process, errand)
            return 0
        here.send("enough")
        process.join(30)
        return answer.status_code


def test_work_handed_in_is_queued_or_was_never_taken(make_site, on_the_tiny_lesson) -> None:
    site = make_site()
    hand_in = Click(site, on_the_tiny_lesson("ada"), "items/answer/send", {"text": TEXTS["ada"]})
    assert hand_in.send("between submission and job") == 0
    assert (site.rows(Submission), site.rows(Job)) == ([], [])
    assert hand_in.send() == 303
    assert len(site.rows(Submission)) == 1
    site.recover()
    assert site.lms.cells["sub-ada"].score is not None
    site.check()


def test_an_approval_counts_whole_or_not_at_all(make_site, on_the_tiny_lesson) -> None:
    site = make_site(release="review")
    public_id = site.send("ada")
    site.recover()
    [sheet], [submission] = site.rows(JudgementRow), site.rows(Submission)
    levels = {f"level-{criterion}": "1" for criterion in sheet.rating_ids}
    form = {"seen": str(sheet.id), **levels}
    confirm = Click(site, on_the_tiny_lesson("ines"), f"review/{public_id}", form)
    assert confirm.send("inside the approval transaction") == 0
    assert (site.rows(Release), site.rows(Passback), site.lms.posts) == ([], [], [])
    assert [job.state for job in site.rows(Job)] == ["awaiting_review"]
    assert confirm.send() in (302, 303)
    assert confirm.send() == 409  # a second press changes nothing
    [release] = site.rows(Release)
    assert release.submission_id == submission.id
    site.recover()
    with site.world.database.read() as session:
        assert session.scalars(select(Passback.state)).all() == ["sent"]
    assert len(site.lms.posts) == 1
    site.check()
