"""`atelier worker`: the executor."""

import os
import signal
import sys
from types import FrameType

import typer

from flows.executor import Executor
from flows.judging.judge import JudgeError
from lti_tool.logs import configure_logging
from lti_tool.settings import SettingsProblem, require_secret
from lti_tool.terminal import fail, open_database, settings_or_exit

worker = typer.Typer(help="Run the executor.", add_completion=False)


@worker.command()
def run() -> None:
    """Judge what was sent in and send what was released, until interrupted; ATELIER_* in the environment says where.

    Prefect's server is started beside it unless PREFECT_API_URL names one.
    """
    settings = settings_or_exit()
    configure_logging(settings.log_level)
    try:
        require_secret(settings)
    except SettingsProblem as error:
        fail(str(error))
    with open_database(settings) as database:
        try:
            executor = Executor(settings, database)
        except JudgeError as error:
            fail(str(error))

        def stop(_signal: int, _frame: FrameType | None) -> None:
            executor.stop()

        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)
        executor.run(own_process=True)
    sys.stderr.flush()
    # A judge that is still being waited for would hold the process; its job has been given back.
    os._exit(0)
