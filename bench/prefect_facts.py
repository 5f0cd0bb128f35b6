"""What Prefect, as it is locked here, does with results and after kills: the tables that the engine's shape rests on.

Usage: python -m bench.prefect_facts. Each row is tried anew, with a server of its own and processes that are really
killed, and says what was seen. Nothing of ours takes part, except in the rows that say so.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bench.contenders.race import Race
from bench.contenders.with_prefect import client_settings, start_server

STEPS = 6
KILLED_IN = 3
LOCKED_SECONDS = 15
LATER_SECONDS = 10
START_SECONDS = 120


def main() -> None:
    """A server, then every row."""
    if sys.argv[1:2] == ["act"]:
        return ACTS[sys.argv[2]](Path(sys.argv[3]), *sys.argv[4:])
    with tempfile.TemporaryDirectory(prefix="atelier-facts-", ignore_cleanup_errors=True) as name:
        home = Path(name)
        os.environ |= client_settings(name)
        server = start_server(Race(0, 0, "", name), "sqlite")
        try:
            print(f"Prefect {version('prefect')}\n\n| case | seen |\n|---|---|", flush=True)
            for number, (case, look) in enumerate({**CACHE, **CRASH}.items()):
                folder = home / str(number)
                folder.mkdir()
                print(f"| {case} | {look(folder)} |", flush=True)
        finally:
            server.terminate()
            server.wait()
    return None


# ---- the processes that are looked at ------------------------------------------------------------------------


def act(name: str, folder: Path, *more: str) -> subprocess.Popen[bytes]:
    """Start one of ACTS in a process of its own."""
    command = [sys.executable, "-m", "bench.prefect_facts", "act", name, str(folder), *more]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def six_steps(folder: Path, stop_in: str = "0") -> None:
    """A flow of six cached tasks; in the step `stop_in` it waits until it is killed."""
    from prefect import flow, task

    @task(cache_key_fn=lambda _, inputs: f"{folder.name}-{inputs['step']}", persist_result=True)
    def step(step: int) -> int:
        note(folder / "steps", str(step))
        if step == int(stop_in):
            time.sleep(START_SECONDS)
        return step

    @flow(name=f"six-{folder.name}")
    def six() -> None:
        for number in range(1, STEPS + 1):
            step(number)

    six()


def ask_once(folder: Path, isolation: str, lock: str, wait: str, party: str = "1") -> None:
    """One task under a fixed key, with an answer of its own, once so many askers are there; takes `wait` seconds."""
    from prefect import task
    from prefect.cache_policies import CacheKeyFnPolicy
    from prefect.locking.filesystem import FileSystemLockManager

    policy = CacheKeyFnPolicy(cache_key_fn=lambda context, inputs: f"once-{folder.name}")
    if isolation == "SERIALIZABLE":
        policy = policy.configure(isolation_level="SERIALIZABLE", lock_manager=FileSystemLockManager(Path(lock)))

    @task(cache_policy=policy, persist_result=True)
    def ask() -> int:
        note(folder / "asked", str(os.getpid()))
        time.sleep(float(wait))
        return os.getpid()

    note(folder / "there", str(os.getpid()))
    wait_until(lambda: len(lines(folder / "there")) >= int(party))
    note(folder / "answers", str(ask()))


def served(folder: Path) -> None:
    """A deployment that is served: each run is a process of its own."""
    module = folder / "served_flow.py"
    module.write_text(
        "import os, time\nfrom pathlib import Path\nfrom prefect import flow\n\n\n@flow(name='served')\ndef long():\n"
        f"    with open({str(folder / 'pids')!r}, 'a') as file:\n        file.write(f'{{os.getpid()}}\\n')\n"
        f"    time.sleep({START_SECONDS})\n\n\nif __name__ == '__main__':\n    long.serve(name='served')\n"
    )
    os.chdir(folder)
    os.execv(sys.executable, [sys.executable, str(module)])


ACTS: dict[str, Callable[..., None]] = {"six_steps": six_steps, "ask_once": ask_once, "served": served}


def note(file: Path, line: str) -> None:
    """Append a line."""
    with file.open("a") as notes:
        notes.write(f"{line}\n")


def lines(file: Path) -> list[str]:
    """What was noted."""
    return file.read_text().split() if file.exists() else []


def wait_until(so: Callable[[], bool], seconds: float = START_SECONDS) -> None:
    """Return once it is so; exits when it takes too long."""
    deadline = time.monotonic() + seconds
    while not so():
        if time.monotonic() > deadline:
            raise SystemExit("it took too long")
        time.sleep(0.1)


# ---- cache ---------------------------------------------------------------------------------------------------


def task_of(key: str | None, calls: list[int], **options: Any) -> Any:
    """A task that counts its executions; with a key of its own, or Prefect's default policy."""
    from prefect import task

    if key is not None:
        options["cache_key_fn"] = lambda context, inputs: key

    @task(persist_result=True, **options)
    def counted() -> int:
        calls.append(1)
        return 1

    return counted


def in_a_flow(*tasks: Any) -> None:
    """Each task in a flow run of its own."""
    from prefect import flow

    @flow(name="cache")
    def run(number: int) -> None:
        tasks[number]()

    for number in range(len(tasks)):
        run(number)


def own_key(folder: Path) -> str:
    calls: list[int] = []
    in_a_flow(*[task_of(f"own-{folder.name}", calls)] * 2)
    return f"executed {times(calls)}"


def default_policy(folder: Path) -> str:
    calls: list[int] = []
    in_a_flow(*[task_of(None, calls)] * 2)
    return f"executed {times(calls)}"


def task_source(folder: Path) -> str:
    sys.path.insert(0, str(folder))
    calls = 0
    for name, comment in (("one_wording", "# rate it"), ("another_wording", "# rate it, please")):
        (folder / f"{name}.py").write_text(
            "from prefect import task\nfrom prefect.cache_policies import TASK_SOURCE\ncalls = []\n\n\n"
            f"@task(cache_policy=TASK_SOURCE, persist_result=True)\ndef rate():\n    {comment}\n"
            "    calls.append(1)\n    return 1\n"
        )
        module = import_module(name)
        in_a_flow(module.rate)
        calls += len(module.calls)
    return f"executed {times([1] * calls)}"


def at_once(folder: Path, isolation: str) -> str:
    both = [act("ask_once", folder, isolation, str(folder / "locks"), "4", "2") for _ in range(2)]
    for process in both:
        process.wait(START_SECONDS)
    answers = lines(folder / "answers")
    return f"executed {times(lines(folder / 'asked'))}, {len(set(answers))} answer(s) for {len(answers)} askers"


def holder_killed(folder: Path) -> str:
    holder = act("ask_once", folder, "SERIALIZABLE", str(folder / "locks"), str(START_SECONDS))
    wait_until(lambda: bool(lines(folder / "asked")))
    (folder / "there").unlink()
    holder.kill()
    holder.wait()
    [lock] = (folder / "locks").glob("*")
    expires = json.loads(lock.read_text()).get("expiration")
    following = act("ask_once", folder, "SERIALIZABLE", str(folder / "locks"), "0")
    began = time.monotonic()
    try:
        following.wait(LOCKED_SECONDS)
        return f"the next one went on after {time.monotonic() - began:.0f} s"
    except subprocess.TimeoutExpired:
        return f"the lock stays (its end: {expires}); the next one still waited after {LOCKED_SECONDS} s"
    finally:
        following.kill()
        following.wait()


def damaged(folder: Path, damage: Callable[[bytes], bytes], sealed: bool = False) -> str:
    """A record is damaged between two runs of the same key."""
    calls: list[int] = []
    options: dict[str, Any] = {}
    store = Path(os.environ["PREFECT_LOCAL_STORAGE_PATH"])
    key = f"damaged-{folder.name}"
    if sealed:
        from flows.records import SealedRecords
        from lti_tool.settings import Settings

        store = folder / "sealed"
        records = SealedRecords.of(Settings(result_storage=store, secret_key="not a secret " * 4))
        records.save(f"facts-{folder.name}", overwrite=True)
        options["result_storage"] = records
    one = task_of(key, calls, **options)
    in_a_flow(one)
    record = store / key
    record.write_bytes(damage(record.read_bytes()))
    in_a_flow(one)
    return f"executed {times(calls)}" + ("; the altered record was believed" if len(calls) == 1 else "")


def altered(record: bytes) -> bytes:
    """Another result under the same key."""
    content = json.loads(record[record.index(b"{") :])
    content["result"] = "7"
    return json.dumps(content).encode()


def cannot_be_written(folder: Path) -> str:
    from prefect import flow
    from prefect.filesystems import LocalFileSystem

    calls: list[int] = []
    (folder / "no-folder").write_text("a file stands where the results should go")
    storage = LocalFileSystem(basepath=str(folder / "no-folder"))
    storage.save(f"nowhere-{folder.name}", overwrite=True)
    one = task_of(f"nowhere-{folder.name}", calls, result_storage=storage)
    seen: list[str] = []

    @flow(name="cache")
    def run() -> None:
        seen.append(one(return_state=True).name)

    for _ in range(2):
        run()
    return f"{seen[0]}, without a word to the caller; executed {times(calls)}"


def serializer(folder: Path) -> str:
    from prefect.settings.models.results import ResultsSettings

    return str(ResultsSettings.model_fields["default_serializer"].default)


def times(calls: list[Any]) -> str:
    """How often, in words."""
    return {0: "never", 1: "once", 2: "twice"}.get(len(calls), f"{len(calls)} times")


CACHE: dict[str, Callable[[Path], str]] = {
    "two runs, a key of one's own": own_key,
    "two runs, the default policy": default_policy,
    "two runs, TASK_SOURCE, a comment changed": task_source,
    "two processes at once, one key, READ_COMMITTED": lambda folder: at_once(folder, "READ_COMMITTED"),
    "the same, SERIALIZABLE with lock files": lambda folder: at_once(folder, "SERIALIZABLE"),
    "the holder of such a lock is killed": holder_killed,
    "a record that is empty": lambda folder: damaged(folder, lambda record: b""),
    "a record that is cut short": lambda folder: damaged(folder, lambda record: record[: len(record) // 2]),
    "a record with another result in it": lambda folder: damaged(folder, altered),
    "the same in our sealed store": lambda folder: damaged(folder, altered, sealed=True),
    "a record that can't be written": cannot_be_written,
    "how results are serialized where nothing is said": serializer,
}


# ---- crash ---------------------------------------------------------------------------------------------------


def client() -> Any:
    """A client of the server."""
    from prefect.client.orchestration import get_client

    return get_client(sync_client=True)


def runs_of(flow_name: str) -> list[Any]:
    """The runs of a flow, oldest first."""
    from prefect.client.schemas.filters import FlowFilter
    from prefect.client.schemas.sorting import FlowRunSort

    with client() as prefect:
        named = FlowFilter.model_validate({"name": {"any_": [flow_name]}})
        return list(prefect.read_flow_runs(flow_filter=named, sort=FlowRunSort.START_TIME_ASC))


def flow_killed(folder: Path) -> str:
    process = act("six_steps", folder, str(KILLED_IN))
    wait_until(lambda: len(lines(folder / "steps")) == KILLED_IN)
    time.sleep(3)  # what it said of its state is on its way
    process.kill()
    process.wait()
    time.sleep(LATER_SECONDS)
    [run] = runs_of(f"six-{folder.name}")
    return f"its run is still {run.state.name} {LATER_SECONDS} s later"


def run_anew(folder: Path) -> str:
    flow_killed(folder)
    act("six_steps", folder).wait(START_SECONDS)
    steps = lines(folder / "steps")
    again = sorted({step for step in steps if steps.count(step) > 1})
    states = [run.state.name for run in runs_of(f"six-{folder.name}")]
    return (
        f"the new run is Completed; executed twice: step {', '.join(again)} alone; the runs are {' and '.join(states)}"
    )


def served_child_killed(folder: Path) -> str:
    process = act("served", folder)
    try:
        with client() as prefect:
            deployment = _deployment(prefect)
            first = prefect.create_flow_run_from_deployment(deployment.id, idempotency_key="one")
            wait_until(lambda: bool(lines(folder / "pids")))
            os.kill(int(lines(folder / "pids")[0]), signal.SIGKILL)
            began = time.monotonic()
            wait_until(lambda: prefect.read_flow_run(first.id).state.name not in ("Running", "Pending", "Scheduled"))
            took = time.monotonic() - began
            time.sleep(LATER_SECONDS)
            second = prefect.create_flow_run_from_deployment(deployment.id, idempotency_key="one")
            state = prefect.read_flow_run(first.id).state.name
            same = "the same run" if second.id == first.id else "another run"
            return f"{state} after {took:.1f} s, and nobody tries again; the same idempotency key gives {same}"
    finally:
        process.terminate()
        process.wait()


def _deployment(prefect: Any) -> Any:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            return prefect.read_deployment_by_name("served/served")
        except Exception:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.3)


CRASH: dict[str, Callable[[Path], str]] = {
    "the process of a running flow is killed": flow_killed,
    "the same flow is run anew, with the same keys": run_anew,
    "the process of a served run is killed": served_child_killed,
}


if __name__ == "__main__":
    main()
