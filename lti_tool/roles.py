"""What a role in a course lets a person do here."""

from collections.abc import Collection

MEMBERSHIP = "http://purl.imsglobal.org/vocab/lis/v2/membership"
# An assistant carries Instructor beside the sub-role, and works in the same queue.
TEACHING = frozenset({"Instructor", "TeachingAssistant", "Administrator"})


def role_of(roles: Collection[str]) -> str:
    """ "instructor" or "student", by the role in this course alone; nothing known means student.

    A role elsewhere (institution or system) says nothing about this course: a professor may sit in it as a learner.
    """
    return "instructor" if any(principal_role(role) in TEACHING for role in roles) else "student"


def principal_role(role: str) -> str:
    """The role in the course, without its vocabulary: "Learner"; "" for a role elsewhere."""
    # membership#Instructor, the sub-role form membership/Instructor#TeachingAssistant, or the short name.
    if role.startswith((MEMBERSHIP + "#", MEMBERSHIP + "/")):
        return role.removeprefix(MEMBERSHIP)[1:].split("#", 1)[0]
    return "" if ":" in role or "/" in role else role
