"""`atelier prefect`: Prefect's server as a process of its own, for many executors, or for its pages."""

import os
import subprocess
import sys
from typing import Annotated

import typer
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from flows.prefect_setup import prefect_database, prepare, server_environment
from lti_tool.settings import Settings
from lti_tool.terminal import fail, settings_or_exit

prefect = typer.Typer(help="Run Prefect's server by itself.", add_completion=False)

_PREFECT = [sys.executable, "-m", "prefect", "server"]


@prefect.command()
def run(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 4200,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Server processes on this port; many need Redis.")] = 1,
    recorder: Annotated[bool, typer.Option("--recorder", help="Only record what the servers are told.")] = False,
    ui: Annotated[bool, typer.Option("--ui", help="Show Prefect's pages at this address.")] = False,
) -> None:
    """Serve Prefect's API to executors whose PREFECT_API_URL is http://HOST:PORT/api, until interrupted.

    With ATELIER_REDIS_URL servers only answer, and one or more `--recorder` beside them write the records.
    """
    settings = settings_or_exit()
    if workers > 1 and not settings.redis_url:
        fail("Several server processes need a broker: set ATELIER_REDIS_URL, or leave out --workers.")
    if recorder and not settings.redis_url:
        fail("A recorder of its own needs a broker: set ATELIER_REDIS_URL.")
    prepare(settings)
    variables = server_environment(os.environ) | {"PREFECT_SERVER_UI_ENABLED": "true" if ui else "false"}
    if recorder:
        os.execve(sys.executable, [*_PREFECT, "services", "start"], variables)
    prepare_database(settings, variables)
    # Two servers that make tables or block types at the same moment trip over each other: that is done by now.
    variables |= {"PREFECT_API_DATABASE_MIGRATE_ON_START": "false", "PREFECT_API_BLOCKS_REGISTER_ON_START": "false"}
    alone = [] if not settings.redis_url else ["--no-services"]
    address = ["--host", host, "--port", str(port), "--workers", str(workers)]
    os.execve(sys.executable, [*_PREFECT, "start", *address, *alone], variables)


def prepare_database(settings: Settings, variables: dict[str, str]) -> None:
    """Make Prefect's database, if it is to live beside the tool's own and is not there yet, and its tables."""
    url = prefect_database(settings)
    if url and make_url(url).get_backend_name() == "postgresql" and not settings.prefect_database_url:
        create_beside(settings.database_url, str(make_url(url).database))
    done = subprocess.run([*_PREFECT, "database", "upgrade", "--yes"], env=variables, capture_output=True, text=True)
    if done.returncode:
        words = "pg_trgm" if "pg_trgm" in done.stdout + done.stderr else ""
        fail(
            "Prefect's database needs PostgreSQL's extension pg_trgm, which Debian's package has (postgresql-contrib "
            "elsewhere)."
            if words
            else "Prefect's tables could not be made; check ATELIER_PREFECT_DATABASE_URL."
        )


def create_beside(database_url: str, name: str) -> None:
    """An empty database on the server of the tool's own; nothing happens if there is one."""
    engine = create_engine(database_url, isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            if connection.scalar(text("SELECT 1 FROM pg_database WHERE datname = :name"), {"name": name}):
                return
            quoted = engine.dialect.identifier_preparer.quote(name)
            connection.execute(text(f"CREATE DATABASE {quoted}"))
    except DBAPIError as error:
        if "already exists" not in str(error.orig):  # another server was faster
            fail(
                f"The database {name} for Prefect's records is not there and could not be made. Make it, or set "
                "ATELIER_PREFECT_DATABASE_URL."
            )
    finally:
        engine.dispose()
