"""`atelier lms`: the platforms that may launch us."""

import json
from typing import Annotated, Any

import typer
from sqlalchemy.orm import Session

from lti_tool.admin import LINK_LIFE, Pages, make_code
from lti_tool.keys import KeySealProblem, ensure_key, next_key, public_jwks, reseal_keys, rotate_key
from lti_tool.models import Registration
from lti_tool.registrations import (
    RegistrationProblem,
    add_registration,
    approve_registration,
    is_pending,
    list_registrations,
    remove_registration,
)
from lti_tool.settings import Settings, SettingsProblem, require_secret
from lti_tool.terminal import fail, open_database, settings_or_exit

app = typer.Typer(help="Registered platforms.", add_completion=False, no_args_is_help=True)
AsJson = Annotated[bool, typer.Option("--json", help="Answer as JSON, for a program.")]


@app.command()
def add(
    name: Annotated[str, typer.Option(help="What people call this platform.")],
    issuer: Annotated[str, typer.Option(help="The platform's issuer, character for character.")],
    client_id: Annotated[str, typer.Option(help="The client id the platform gave the tool.")],
    auth_login_url: Annotated[str, typer.Option(help="The platform's OIDC authentication address.")],
    auth_token_url: Annotated[str, typer.Option(help="The platform's access token address.")],
    jwks_url: Annotated[str, typer.Option(help="The platform's public key set.")],
    deployment_id: Annotated[list[str], typer.Option(help="A deployment id; give it again for each.")],
    token_audience: Annotated[
        str | None, typer.Option(help="Audience of token requests, where it is not the token address.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Register a platform; the same issuer and client id again updates it and adds deployments."""
    settings = _settings()
    with open_database(settings) as database:
        try:
            with database.write() as session:
                registration = add_registration(
                    session,
                    settings,
                    name=name,
                    issuer=issuer,
                    client_id=client_id,
                    auth_login_url=auth_login_url,
                    auth_token_url=auth_token_url,
                    jwks_url=jwks_url,
                    deployment_ids=deployment_id,
                    token_audience=token_audience,
                )
                ensure_key(session, settings)
                row = describe(registration)
        except (RegistrationProblem, KeySealProblem) as problem:
            fail(str(problem), 2)
    addresses = tool_addresses(settings)
    if as_json:
        print(json.dumps({**row, "tool": addresses}, ensure_ascii=False))
        return
    print(f"Registered {row['name']} as registration {row['id']}. Give the platform these addresses:")
    for what, url in addresses.items():
        print(f"  {what.replace('_', ' '):<12}{url}")


@app.command("list")
def list_all(as_json: AsJson = False) -> None:
    """Show every registration, with its deployments."""
    settings = settings_or_exit()
    with open_database(settings) as database, database.read() as session:
        rows = [describe(registration) for registration in list_registrations(session)]
    if as_json:
        print(json.dumps(rows, ensure_ascii=False))
        return
    if not rows:
        print("No platform is registered. Add one with: atelier lms add")
    for row in rows:
        state = "" if row["state"] == "enabled" else f"  ({row['state']})"
        print(f"{row['id']}  {row['name']}{state}\n   issuer {row['issuer']}, client {row['client_id']}")
        print(f"   deployments {', '.join(row['deployment_ids']) or 'none yet'}")


@app.command()
def remove(
    registration_id: Annotated[int, typer.Argument(help="The number that `atelier lms list` shows.")],
    as_json: AsJson = False,
) -> None:
    """Let a platform open nothing more; what learners did stays. One that waits for approval is forgotten."""
    settings = settings_or_exit()
    with open_database(settings) as database:
        try:
            with database.write() as session:
                row = describe(remove_registration(session, registration_id))
        except RegistrationProblem as problem:
            fail(str(problem), 2)
    if as_json:
        print(json.dumps(row, ensure_ascii=False))
    elif row["state"] == "pending":
        print(f"{row['name']} is forgotten.")
    else:
        print(f"Removed {row['name']}; its records stay.")


@app.command()
def approve(
    registration_id: Annotated[int, typer.Argument(help="The number that `atelier lms list` shows.")],
    deployment_id: Annotated[list[str], typer.Option(help="A deployment id it has not named; again for each.")] = [],  # noqa: B006
    as_json: AsJson = False,
) -> None:
    """Let a platform in that registered itself, or that was removed."""
    settings = settings_or_exit()
    with open_database(settings) as database:
        try:
            with database.write() as session:
                row = describe(approve_registration(session, registration_id, deployment_id))
        except RegistrationProblem as problem:
            fail(str(problem), 2)
    print(json.dumps(row, ensure_ascii=False) if as_json else f"{row['name']} is let in.")


@app.command("rotate-keys")
def rotate_keys(
    now: Annotated[bool, typer.Option("--now", help="Sign with the new key at once, not from tomorrow.")] = False,
    forget: Annotated[
        bool, typer.Option("--forget", help="With --now: withdraw the other keys at once, because one was stolen.")
    ] = False,
    reseal: Annotated[
        bool, typer.Option("--reseal", help="Make no key; seal the present ones with the present ATELIER_SECRET_KEY.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make the tool's next key; it is published now, signs from tomorrow, and the former stays published for a week.

    Keys also follow one another by themselves, every ATELIER_KEY_DAYS days.
    """
    if (forget and not now) or (reseal and now):
        fail("--forget goes with --now, and --reseal goes alone.", 2)
    settings = _settings()
    with open_database(settings) as database:
        try:
            with database.write() as session:
                resealed = reseal_keys(session, settings) if reseal else 0
                made = None if reseal else _made(session, settings, now=now, forget=forget)
                published = [row["kid"] for row in public_jwks(session)["keys"]]
        except KeySealProblem as problem:
            fail(str(problem))
    if as_json:
        print(json.dumps({"made": made, "resealed": resealed, "published": published}))
    elif reseal:
        print(f"{resealed} keys are sealed with the present secret.")
    else:
        print(f"{made} signs {'now' if now else 'from tomorrow'}; {len(published)} keys are published.")


def _made(session: Session, settings: Settings, *, now: bool, forget: bool) -> str:
    return rotate_key(session, settings, forget=forget) if now else next_key(session, settings)


@app.command("admin-link")
def admin_link(as_json: AsJson = False) -> None:
    """Print an address that opens the admin's pages in one browser; it works once, for fifteen minutes."""
    _link("admin", as_json)


@app.command("research-link")
def research_link(as_json: AsJson = False) -> None:
    """Print an address that opens the researchers' pages in one browser; it works once, for fifteen minutes.

    They show sets of scored answers without names, eval runs and comparisons, and change nothing.
    """
    _link("research", as_json)


def _link(pages: Pages, as_json: bool) -> None:
    settings = _settings()
    with open_database(settings) as database, database.write() as session:
        address = f"{settings.base_url}/{pages}/enter?code={make_code(session, pages)}"
    if as_json:
        print(json.dumps({"url": address, "minutes": int(LINK_LIFE.total_seconds() // 60)}))
        return
    print(address)


def describe(registration: Registration) -> dict[str, Any]:
    """A registration as JSON."""
    return {
        "id": registration.id,
        "name": registration.name,
        "issuer": registration.issuer,
        "client_id": registration.client_id,
        "auth_login_url": registration.auth_login_url,
        "auth_token_url": registration.auth_token_url,
        "jwks_url": registration.jwks_url,
        "token_audience": registration.token_audience,
        "deployment_ids": [deployment.lms_id for deployment in registration.deployments if deployment.enabled],
        "enabled": registration.enabled,
        "state": "pending" if is_pending(registration) else "enabled" if registration.enabled else "disabled",
    }


def tool_addresses(settings: Settings) -> dict[str, str]:
    """What a platform's form asks about us."""
    return {
        "login": f"{settings.base_url}/lti/login",
        "launch": f"{settings.base_url}/lti/launch",
        "key_set": f"{settings.base_url}/lti/jwks",
    }


def _settings() -> Settings:
    settings = settings_or_exit()
    try:
        require_secret(settings)
    except SettingsProblem as problem:
        fail(str(problem))
    return settings
