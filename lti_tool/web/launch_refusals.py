"""Every reason why a login or a launch is refused; nothing is opened and nothing is changed by it.

LaunchRefusal
├── LoginRefusal       LoginIncomplete  PlatformUnknown  PlatformWaits  PlatformAmbiguous
├── StateRefusal       StateUnknown  StateExpired  StateReplayed  CookieMissing  PlatformDeclined
├── SignatureRefusal   TokenMissing  TokenTooLarge  TokenMalformed  AlgorithmRefused  KeyIdMissing
│                      SignatureUnknownKey  SignatureBad  KeysUnreachable
├── NothingToReview  TargetWrong  LaunchFailed
├── PickerRefusal      LinksNotAccepted  ReturnRefused  PickingNotForLearners
└── ClaimRefusal       TokenExpired  TokenNotYetValid  TokenTooOld  TokenLivesTooLong  NonceWrong
                       IssuerWrong  AudienceWrong  AzpWrong  DeploymentUnknown  DeploymentWrong
                       ClaimMissing  ClaimMalformed  SubMissing  MessageTypeUnsupported  VersionUnsupported

No message holds a claim, a token or anything that a request sent.
"""

from lti_tool.web.refusals import OPEN_AGAIN, NothingSent, Refusal, WrongRole


class LaunchRefusal(Refusal):
    """A login or a launch that was not accepted; nothing was opened and nothing was changed."""

    label = "launch refused"
    title = "The course could not vouch for you."
    tab_code = ""  # opens the same launch in a tab of its own, where the browser kept this frame apart


class LoginRefusal(LaunchRefusal):
    """The login request itself is not usable."""


class LoginIncomplete(LoginRefusal):
    code = "login_incomplete"
    sentence = "The course’s login request was not complete. " + OPEN_AGAIN
    hint = "A login must carry iss, login_hint and target_link_uri as plain text of reasonable length."


class PlatformUnknown(LoginRefusal):
    code = "platform_unknown"
    sentence = "This course’s platform is not registered here."
    hint = "No enabled registration has this issuer and client id. Add it with `atelier lms add`."


class PlatformWaits(LoginRefusal):
    code = "platform_waits"
    sentence = "This course’s platform is known here, and is not let in."
    hint = "Its registration is pending or disabled. Let it in with `atelier lms approve`, or on the admin page."


class PlatformAmbiguous(LoginRefusal):
    code = "platform_ambiguous"
    sentence = "The course’s login request did not say which platform it came from."
    hint = "Several registrations share this issuer, so the login must carry client_id."


class TargetWrong(LaunchRefusal):
    code = "target_wrong"
    sentence = "The course’s message asked for an address that is not ours."
    hint = "target_link_uri must be on this tool's origin (ATELIER_BASE_URL)."


class LaunchFailed(LaunchRefusal):
    code = "launch_failed"
    title = "That broke on our side."
    sentence = OPEN_AGAIN + " If it happens again, give the code below to whoever runs this tool."
    hint = "An unforeseen fault of the tool, not of the message; the log has its place under this request id."


class StateRefusal(LaunchRefusal):
    """The launch does not continue a login of this browser."""


class StateUnknown(StateRefusal):
    code = "state_unknown"
    sentence = "This launch does not continue a login that began here. " + OPEN_AGAIN
    hint = "The state is missing or was not issued by this tool with its present ATELIER_SECRET_KEY."


class StateExpired(StateRefusal):
    code = "state_expired"
    sentence = "The login took longer than five minutes. " + OPEN_AGAIN
    hint = "A state lives for five minutes."


class StateReplayed(StateRefusal):
    code = "state_replayed"
    sentence = "This launch was used already. " + OPEN_AGAIN
    hint = "Each state opens one launch. Going back and sending the form again repeats it."


class CookieMissing(StateRefusal):
    code = "cookie_missing"
    sentence = (
        "Your browser keeps this frame apart from the course, so it could not confirm that the login began in it. "
        "Open the activity again from your course in its own tab or window, or in another browser."
    )
    hint = (
        "Neither the cookie set at login nor the platform's storage (lti_storage_target) gave back the proof of this "
        "browser: it keeps no cookies in frames, or the launch came from another browser. Let the activity open in a "
        "new window."
    )


class FrameKeepsNothing(CookieMissing):
    label = "frame kept apart"
    title = "Your browser keeps this frame apart from the course."
    sentence = "Open it in its own tab; your work is the same there."
    hint = "This browser keeps no cookies in frames, and the platform offers no storage (lti_storage_target)."


class PlatformDeclined(StateRefusal):
    code = "platform_declined"
    sentence = "The course’s platform declined to log you in. Sign in to your course, then open the activity again."
    hint = "The platform answered the login with an error instead of an id_token."


class SignatureRefusal(LaunchRefusal):
    """The token cannot be trusted."""


class TokenMissing(SignatureRefusal):
    code = "token_missing"
    sentence = "The course’s message did not arrive. " + OPEN_AGAIN
    hint = "The launch carried no id_token."


class TokenTooLarge(SignatureRefusal):
    code = "token_too_large"
    sentence = "The course’s message was too large."
    hint = "An id_token may have at most 64 KB."


class TokenMalformed(SignatureRefusal):
    code = "token_malformed"
    sentence = "The course’s message could not be read."
    hint = "The id_token is not a readable JSON Web Token."


class AlgorithmRefused(SignatureRefusal):
    code = "algorithm_refused"
    sentence = "The course’s message was signed in a way we do not accept."
    hint = "Only RS256 is accepted."


class KeyIdMissing(SignatureRefusal):
    code = "key_id_missing"
    sentence = "The course’s message did not say which key signed it."
    hint = "The header of the id_token must carry kid."


class SignatureUnknownKey(SignatureRefusal):
    code = "signature_unknown_key"
    sentence = "The course’s message was signed with a key we do not know."
    hint = (
        "The key id in the message is not a usable RSA signing key of the platform's key set, also after "
        "asking for the set again. Check the registration's key-set address."
    )


class SignatureBad(SignatureRefusal):
    code = "signature_bad"
    sentence = "The course’s message does not carry the course’s signature."
    hint = "The signature does not match the platform's key of that id."


class KeysUnreachable(SignatureRefusal):
    code = "keys_unreachable"
    sentence = "The course’s keys could not be fetched just now. " + OPEN_AGAIN
    hint = "The registration's key-set address did not answer with a JSON key set."


class NothingToReview(LaunchRefusal):
    code = NothingSent.code
    status = NothingSent.status
    title = NothingSent.title
    sentence = NothingSent.sentence
    hint = "A review must name a resource link, or a line item, of an activity that was opened before in this course."


class PickerRefusal(LaunchRefusal):
    """Content cannot be chosen for this request."""


class LinksNotAccepted(PickerRefusal):
    code = "links_not_accepted"
    sentence = "The course asked for content of a kind that this tool does not have."
    hint = "accept_types must hold ltiResourceLink: place the tool where links to activities are chosen."


class ReturnRefused(PickerRefusal):
    code = "return_refused"
    sentence = "The course asked for the choice to be sent to an address that we do not use."
    hint = "deep_link_return_url must begin with https://; plain http is for loopback with ATELIER_ALLOW_HTTP=1."


class PickingNotForLearners(PickerRefusal):
    code = WrongRole.code
    status = 403
    label = WrongRole.label
    title = "Lessons are chosen by instructors of this course."
    sentence = "Your own pages are open to you as before."


class ClaimRefusal(LaunchRefusal):
    """The token is the platform's own, and says something that cannot be accepted."""


class TokenExpired(ClaimRefusal):
    code = "token_expired"
    sentence = "This launch was opened too long ago. " + OPEN_AGAIN
    hint = "exp has passed by more than a minute. Compare the clocks if it happens to everybody."


class TokenNotYetValid(ClaimRefusal):
    code = "token_not_yet_valid"
    sentence = "The course’s clock is ahead of ours. " + OPEN_AGAIN
    hint = "iat or nbf lies more than a minute in the future. Compare the clocks."


class TokenTooOld(ClaimRefusal):
    code = "token_too_old"
    sentence = "This launch was opened too long ago. " + OPEN_AGAIN
    hint = "iat is more than ten minutes old."


class TokenLivesTooLong(ClaimRefusal):
    code = "token_lives_too_long"
    sentence = "The course’s message was made to last too long."
    hint = "exp may be at most one day after iat."


class NonceWrong(ClaimRefusal):
    code = "nonce_wrong"
    sentence = "This launch belongs to another login. " + OPEN_AGAIN
    hint = "The nonce is not the one sent with this state."


class IssuerWrong(ClaimRefusal):
    code = "issuer_wrong"
    sentence = "The course’s message came from another platform than its login."
    hint = "iss must be the issuer of the registration that began the login, character for character."


class AudienceWrong(ClaimRefusal):
    code = "audience_wrong"
    sentence = "The course’s message was meant for another tool."
    hint = "aud must hold the client id of the registration."


class AzpWrong(ClaimRefusal):
    code = "azp_wrong"
    sentence = "The course’s message was meant for another tool."
    hint = "With several audiences azp must be present; where present it must be our client id."


class DeploymentUnknown(ClaimRefusal):
    code = "deployment_unknown"
    sentence = "This part of the platform is not registered here."
    hint = "The deployment id is not enabled under this registration. Add it with `atelier lms add`."


class DeploymentWrong(ClaimRefusal):
    code = "deployment_wrong"
    sentence = "The course’s message came from another place than its login."
    hint = "deployment_id differs from the lti_deployment_id of the login."


class ClaimMissing(ClaimRefusal):
    code = "claim_missing"
    sentence = "The course’s message left out something that we need."
    hint = "A required claim is absent."


class ClaimMalformed(ClaimRefusal):
    code = "claim_malformed"
    sentence = "Part of the course’s message could not be read."
    hint = "A claim does not have the shape that LTI 1.3 gives it."


class SubMissing(ClaimRefusal):
    code = "sub_missing"
    sentence = (
        "The course did not say who you are, and a graded lesson needs a person. "
        "Sign in to your course, then open the activity again."
    )
    hint = "sub must be a string of 1 to 255 characters; anonymous launches are not accepted."


class MessageTypeUnsupported(ClaimRefusal):
    code = "message_type_unsupported"
    sentence = "The course asked for something that this tool does not do."
    hint = "Accepted are LtiResourceLinkRequest, LtiDeepLinkingRequest and LtiSubmissionReviewRequest."


class VersionUnsupported(ClaimRefusal):
    code = "version_unsupported"
    sentence = "The course speaks another version of LTI."
    hint = "Only LTI 1.3.0 is accepted."
