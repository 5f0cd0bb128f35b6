"""Prefect's server once for the session, in a home of its own, and an executor that uses it."""

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from flows.executor import Executor
from flows.judging.judge import Judge
from flows.prefect_setup import API_URL, EmbeddedServer, environment
from lti_tool.delivery import GradebookOf
from lti_tool.settings import Settings
from tests.flows.counting_judge import CountingJudge


@pytest.fixture(scope="session")
def prefect_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Prefect's variables with a running server among them, also set in this process."""
    home = tmp_path_factory.mktemp("prefect")
    variables = environment(Settings(result_storage=home / "results"))
    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        server = EmbeddedServer()
        server.start(threading.Event())
        patch.setenv(API_URL, server.api_url)
        variables[API_URL] = server.api_url
        # Prefect read its settings when it was first imported, which may have been before: now they are those above,
        # in this thread and in all that an executor starts.
        import prefect.context
        from prefect.settings import Settings as PrefectSettings

        profile = prefect.context.get_settings_context().profile
        with prefect.context.SettingsContext(profile=profile, settings=PrefectSettings()) as now:
            patch.setattr(prefect.context, "GLOBAL_SETTINGS_CONTEXT", now)
            yield variables
        server.stop()


@pytest.fixture
def settings(database, tmp_path: Path) -> Settings:
    """Settings of a tool on the fresh database."""
    return Settings(
        database_url=str(database.engine.url), result_storage=tmp_path / "results", secret_key="not a secret " * 4
    )


@pytest.fixture
def executor(prefect_environment, settings, database) -> Iterator[Callable[..., Executor]]:
    """Makes executors with a judge of the test's own; they are closed at the end."""
    made: list[Executor] = []

    def make(judge: Judge | None = None, gradebook_of: GradebookOf | None = None, **options: object) -> Executor:
        os.environ[API_URL] = prefect_environment[API_URL]
        chosen = judge or CountingJudge()
        new = Executor(settings, database, judge_factory=lambda _: chosen, gradebook_of=gradebook_of, **options)
        made.append(new)
        return new

    yield make
    for each in made:
        each.close()
