"""`atelier serve`: the web process."""

import os
import sys
from typing import Annotated

import typer

from lti_tool.ports import port_is_free
from lti_tool.settings import Settings, SettingsProblem, require_secret
from lti_tool.terminal import fail, open_database, settings_or_exit

serve = typer.Typer(help="Run the web process.", add_completion=False)

# More threads than open streams: a page that watches its judging holds one.
THREADS = 32


@serve.command()
def web(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 8000,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Web processes.")] = 1,
) -> None:
    """Serve the tool with gunicorn (threads); the settings are ATELIER_* in the environment."""
    ready_to_serve(host, port)
    os.execv(sys.executable, [sys.executable, "-m", "gunicorn", *gunicorn_options(host, port, workers)])


def ready_to_serve(host: str, port: int) -> Settings:
    """The settings, once everything a web process needs is there; else one sentence and exit."""
    settings = settings_or_exit()
    try:
        require_secret(settings)
    except SettingsProblem as error:
        fail(str(error))
    with open_database(settings):
        pass
    if not port_is_free(host, port):
        fail(f"Port {port} on {host} is taken. Choose another with --port.")
    return settings


def gunicorn_options(host: str, port: int, workers: int) -> list[str]:
    """Arguments for gunicorn: the application factory, threads, and no access log (paths name submissions)."""
    return [
        "lti_tool.web.app:create_app()",
        *("--bind", f"{host}:{port}"),
        *("--workers", str(workers)),
        *("--worker-class", "gthread"),
        *("--threads", str(THREADS)),
        *("--timeout", "60"),
        *("--graceful-timeout", "5"),
        *("--log-level", "warning"),
        # The container's or machine's /tmp may be slow or read-only; memory is neither.
        *(("--worker-tmp-dir", "/dev/shm") if os.path.isdir("/dev/shm") else ()),
        "--no-control-socket",
    ]
