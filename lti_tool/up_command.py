"""`atelier up`: web process and executor together, for one machine."""

import signal
import time
from types import FrameType
from typing import Annotated

import typer

from lti_tool.commands import ready_to_serve
from lti_tool.processes import Child, ChildFailed, wait_until_answers
from lti_tool.settings import HOME
from lti_tool.terminal import fail

app = typer.Typer(help="Web process and executor together.", add_completion=False)


@app.command()
def up(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 8000,
) -> None:
    """Run `serve` and `worker` (with Prefect's embedded server unless PREFECT_API_URL is set) until interrupted."""
    settings = ready_to_serve(host, port)
    signal.signal(signal.SIGTERM, _interrupt)
    web = Child("the web process", ["serve", "--host", host, "--port", str(port)], {}, HOME / "logs" / "web.log")
    executor = Child("the executor", ["worker"], {}, HOME / "logs" / "worker.log", restarts=True)
    try:
        web.start()
        executor.start()
        wait_until_answers(f"http://{host}:{port}/readyz", web)
        typer.echo(f"{settings.base_url} is up; logs in {HOME / 'logs'}; Ctrl-C stops it")
        while True:
            time.sleep(0.5)
            if [child.name for child in (web, executor) if child.check()]:
                typer.echo("the executor died and was started again", err=True)
    except ChildFailed as error:
        fail(f"{error}.")
    except KeyboardInterrupt:
        typer.echo("stopped", err=True)
    finally:
        executor.stop()
        web.stop()


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
