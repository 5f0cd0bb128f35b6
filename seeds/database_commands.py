"""`atelier db`: the schema, and with it the lessons that come with the project."""

from collections.abc import Callable
from typing import Annotated

import typer

from lti_tool import schema
from lti_tool.terminal import fail, open_database, settings_or_exit
from seeds.load import LessonError, load_bundled

app = typer.Typer(help="The database's schema.", no_args_is_help=True, add_completion=False)


@app.callback()
def database() -> None:
    """The database's schema."""


@app.command()
def upgrade(
    lessons: Annotated[bool, typer.Option(help="Also publish the bundled lessons.")] = True,
) -> None:
    """Bring the schema up to date and publish the bundled lessons; a second run changes nothing."""
    with open_database(settings_or_exit(), migrated=False) as database:
        revision = _moved(schema.upgrade, database)
        slugs = []
        if lessons:
            try:
                with database.write() as session:
                    slugs = [version.slug for version in load_bundled(session)]
            except LessonError as error:
                fail(str(error))
            if not slugs:
                fail("No bundled lesson was found: the folder seeds/lessons is missing or empty.")
    typer.echo(f"schema {revision}" + (f"; lessons: {', '.join(slugs)}" if slugs else ""))


@app.command()
def downgrade(
    revision: Annotated[str, typer.Argument(help="The revision of the release to go back to, as 0019.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Take the schema back to an earlier release's, before that release is started again. Make a backup first."""
    with open_database(settings_or_exit(), migrated=False) as database:
        if not yes:
            typer.confirm("What only later releases keep is deleted for good. Go on?", abort=True)
        typer.echo(f"schema {_moved(schema.downgrade, database, revision) or 'none'}")


def _moved(move: Callable[..., str], *how: object) -> str:
    try:
        return move(*how)
    except schema.RevisionError as error:
        fail(str(error))
