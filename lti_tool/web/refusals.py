"""Everything the tool refuses, each with a stable code, a sentence for the person and a hint for the admin.

    Refusal
    ├── PageRefusal      a page of an accepted launch, or of the admin
    │   ├── LaunchExpired  WrongRole  FormTokenMissing  FormTokenWrong  NotYourWork  NothingSent
    │   ├── LessonUnknown  PickerExpired  PickerStorageBlocked  PickerAnswered
    │   ├── AdminSignedOut  AdminLinkUsed
    │   └── ResearchSignedOut  ResearchLinkUsed
    └── LaunchRefusal    a login or a launch; see launch_refusals.py

No message holds a claim, a token or anything that a request sent.
"""

OPEN_AGAIN = "Open the activity again from your course."


class Refusal(Exception):
    """A request that is answered with a 4xx page."""

    code = "refused"
    status = 400
    label = "refused"
    title = "That was refused."
    sentence = OPEN_AGAIN
    hint = ""

    def __init__(self, *, claim: str = "") -> None:
        super().__init__(self.code)
        self.claim = claim
        self.registration_id: int | None = None

    @property
    def admin_hint(self) -> str:
        """The hint, with the name (never the value) of the claim or field that is at fault."""
        return f"{self.hint} At fault: {self.claim}." if self.claim else self.hint


# ---- pages of an accepted launch -----------------------------------------------------------------------------


class PageRefusal(Refusal):
    """A page that was not opened; what the learner typed is given back."""

    status = 403


class LaunchExpired(PageRefusal):
    code = "launch_expired"
    status = 401
    label = "expired"
    title = "This page was opened too long ago."
    sentence = "Open it again from your course."


class WrongRole(PageRefusal):
    code = "wrong_role"
    label = "not for this role"
    title = "This page is not for your role in this course."
    sentence = "Instructors and learners each have their own pages. Open the activity from your course to get yours."


class WrongRoleForLearner(WrongRole):
    title = "This page is for instructors of this course."
    sentence = "Your own pages are open to you as before."


class FormTokenMissing(PageRefusal):
    code = "form_token_missing"
    label = "not sent from our page"
    title = "Nothing was changed."
    sentence = "The form came without its seal, so it was not accepted. " + OPEN_AGAIN


class FormTokenWrong(FormTokenMissing):
    code = "form_token_wrong"
    sentence = "The form carried the seal of another page, so it was not accepted. " + OPEN_AGAIN


class FrameStorageBlocked(PageRefusal):
    code = "frame_storage_blocked"
    label = "frame kept apart"
    title = "Your browser keeps this frame apart from the course."
    sentence = "Open it in its own tab; your work is the same there."


class NotYourWork(PageRefusal):
    code = "not_your_work"
    label = "not yours"
    title = "This is somebody else’s work."
    sentence = "Your own results are open to you as before. Open the activity from your course to get them."


class NothingSent(PageRefusal):
    code = "nothing_sent"
    status = 404
    label = "nothing sent"
    title = "Nothing was sent yet."
    sentence = "There is no work of this learner in this activity."


class LessonUnknown(PageRefusal):
    code = "lesson_unknown"
    status = 404
    label = "no such lesson"
    title = "This link leads to a lesson that is not here."
    sentence = "The person who runs the course can choose the lesson again with “select content”."
    hint = (
        "The link's custom parameters `lesson` and `item` must name a lesson that is loaded, and one of its questions."
    )


class PickerExpired(LaunchExpired):
    sentence = "Choose the content again from your course."


class PickerStorageBlocked(FrameStorageBlocked):
    sentence = (
        "Choosing a lesson works only inside the course’s own window, and your browser keeps no cookies there. "
        "Allow cookies for this page or use another browser, then choose again."
    )
    hint = (
        "Or add the link by hand: the tool's launch address, with the custom parameter lesson=<id of the lesson>. "
        "Learners need no cookies for this step."
    )


class PickerAnswered(PageRefusal):
    code = "picker_answered"
    status = 409
    label = "answered already"
    title = "This choice was already made."
    sentence = "To choose something else, choose the content again from your course."


class AdminSignedOut(PageRefusal):
    code = "admin_signed_out"
    status = 401
    label = "signed out"
    title = "The admin’s pages open by a link."
    sentence = "Make one on the tool’s machine with: atelier lms admin-link"


class AdminLinkUsed(AdminSignedOut):
    code = "admin_link_used"
    title = "This link was used already, or is too old."
    sentence = "It works once, for fifteen minutes. Make a new one with: atelier lms admin-link"


class ResearchSignedOut(PageRefusal):
    code = "research_signed_out"
    status = 401
    label = "signed out"
    title = "The researchers’ pages open by a link."
    sentence = "Whoever runs the tool makes one on its machine with: atelier lms research-link"


class ResearchLinkUsed(ResearchSignedOut):
    code = "research_link_used"
    title = "This link was used already, or is too old."
    sentence = "It works once, for fifteen minutes. A new one is made with: atelier lms research-link"
