#!/usr/bin/env python3
"""Set up and run the project with nothing but Python 3.11 or newer: demo, test, check, bench and the like, see JOBS.

Standard library only. Makes .venv, installs the hashed lock, then runs. What is already there is not done again;
an install that failed or was interrupted is made anew by running the same command once more.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(ROOT, ".venv")
BIN = os.path.join(VENV, "Scripts" if os.name == "nt" else "bin")
STAMP = os.path.join(VENV, "atelier-installed.txt")
UNFINISHED = os.path.join(VENV, "atelier-unfinished.txt")
OLDEST = (3, 11)
# Each set holds everything of the ones before it.
SETS = ("runtime", "test", "dev")
JOBS = {
    "demo": ("runtime", ["atelier", "demo"]),
    "test": ("test", ["pytest"]),
    "check": ("dev", None),
    "bench": ("test", ["python", "bench/run.py"]),
    "chaos": ("test", ["python", "-m", "tests.flows.chaos"]),
    "screenshots": ("test", ["python", "scripts/screenshots.py"]),
    "words": ("test", ["python", "scripts/words.py"]),
    "setup": ("runtime", None),
    "lock": ("dev", None),
}
USAGE = "usage: python3 scripts/dev.py {} [arguments]".format("|".join(JOBS))


def main(arguments):
    if not arguments or arguments[0] not in JOBS:
        print(USAGE, file=sys.stderr)
        return 0 if arguments[:1] in (["-h"], ["--help"]) else 2
    if sys.version_info < OLDEST:
        return use_newer_python(arguments)
    job, rest = arguments[0], arguments[1:]
    wanted, command = JOBS[job]
    try:
        with one_at_a_time():
            install(wanted)
    except subprocess.CalledProcessError:
        say("The install did not finish. Run the same command again: it starts over where needed.")
        return 1
    except OSError as error:
        say(f"The install could not write its files: {error.strerror or error}.")
        return 1
    if job == "check":
        return check()
    if job == "lock":
        return lock()
    if job == "setup":
        say("ready: {}".format(os.path.join(os.path.relpath(BIN, ROOT), "atelier")))
        return 0
    return run([tool(command[0]), *command[1:], *rest])


def use_newer_python(arguments):
    """Start over with a newer Python where one is on the path."""
    for minor in range(20, OLDEST[1] - 1, -1):
        newer = shutil.which(f"python3.{minor}")
        if newer and works(newer):
            return subprocess.call([newer, os.path.abspath(__file__), *arguments])
    say("Atelier needs Python {}.{} or newer; this is {}.{}.".format(*(OLDEST + tuple(sys.version_info[:2]))))
    return 1


def works(python):
    """Whether a Python starts and is new enough; a version manager may leave names that lead nowhere."""
    probe = f"import sys; sys.exit(sys.version_info < {OLDEST!r})"
    return subprocess.call([python, "-c", probe], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) == 0


def say(text):
    print(text, file=sys.stderr, flush=True)


def tool(name):
    return os.path.join(BIN, name + (".exe" if os.name == "nt" else ""))


@contextmanager
def one_at_a_time():
    """Two terminals that start at once install once."""
    try:
        import fcntl
    except ImportError:  # Windows has none; the stamp still keeps a torn install from being used
        yield
        return
    with open(os.path.join(ROOT, "requirements", "runtime.txt"), "rb") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("waiting for another install of this folder")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def digest(name):
    """What an install of this set rests on: the lock, the project's own metadata, and the Python."""
    whole = hashlib.sha256("{}.{}".format(*sys.version_info[:2]).encode())
    for path in (f"requirements/{name}.txt", "pyproject.toml"):
        with open(os.path.join(ROOT, path), "rb") as handle:
            whole.update(handle.read())
    return whole.hexdigest()


def is_installed(wanted):
    """Whether the wanted set, or one that holds it, is installed as the lock says."""
    if os.path.exists(UNFINISHED) or not os.path.exists(STAMP) or not os.path.exists(tool("atelier")):
        return False
    with open(STAMP) as handle:
        name, _, was = handle.read().strip().partition(" ")
    if name not in SETS or SETS.index(name) < SETS.index(wanted):
        return False
    return was == digest(name)


def install(wanted):
    if is_installed(wanted):
        return
    started = time.monotonic()
    if os.path.exists(UNFINISHED):
        say("the last install did not finish; starting over")
        shutil.rmtree(VENV, ignore_errors=True)
    if not os.path.exists(tool("python")):
        say("[1/3] making .venv with Python {}.{}.{}".format(*sys.version_info[:3]))
        subprocess.run([sys.executable, "-m", "venv", "--clear", VENV], check=True)
    with open(UNFINISHED, "w") as handle:
        handle.write("an install is under way, or was cut off\n")
    lock_file = os.path.join("requirements", wanted + ".txt")
    with open(os.path.join(ROOT, lock_file)) as handle:
        count = sum(1 for line in handle if "==" in line and not line.startswith((" ", "#")))
    say(f"[2/3] installing {count} packages from {lock_file} (hashes checked)")
    installer = find_installer()
    run_checked([*installer, "--require-hashes", "-r", lock_file])
    say("[3/3] linking the project into .venv")
    run_checked([*installer, "--no-deps", "--no-build-isolation", "-e", "."])
    with open(STAMP, "w") as handle:
        handle.write(f"{wanted} {digest(wanted)}\n")
    os.remove(UNFINISHED)
    say(f"installed in {time.monotonic() - started:.0f} s")


def find_installer():
    """uv where it is or can be had, since it is several times faster; pip otherwise."""
    python = tool("python")
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    uv = shutil.which("uv") or (tool("uv") if os.path.exists(tool("uv")) else None)
    if uv is None:
        got = subprocess.run(
            [*pip, "--require-hashes", "-r", os.path.join("requirements", "uv.txt")],
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        uv = tool("uv") if got.returncode == 0 and os.path.exists(tool("uv")) else None
    if uv is None:
        say("      uv is not to be had; pip takes a minute or two")
        return pip
    return [uv, "pip", "install", "--quiet", "--python", python]


def environment():
    settings = dict(os.environ, UV_PYTHON_DOWNLOADS="never", DO_NOT_TRACK="1", PREFECT_SERVER_ANALYTICS_ENABLED="false")
    settings["PATH"] = BIN + os.pathsep + settings.get("PATH", "")
    settings.pop("VIRTUAL_ENV", None)
    return settings


def run(command):
    """Run a tool of the project and pass its exit code on; an interrupt is the tool's to handle."""
    process = subprocess.Popen(command, cwd=ROOT, env=environment())
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            continue


def run_checked(command):
    subprocess.run(command, cwd=ROOT, env=environment(), check=True)


def check():
    """Format, lint, types; all are run, and the worst exit code counts."""
    return max(
        run([tool("ruff"), "format", "--check", "--quiet", "."]),
        run([tool("ruff"), "check", "--quiet", "."]),
        run([tool("mypy")]),
    )


def lock():
    """Make the locks anew: hashed, universal from the oldest Python up, without addresses."""
    base = ["uv", "pip", "compile", "--quiet", "--universal", "--python-version", "3.11", "--generate-hashes"]
    base += ["--no-header", "--no-annotate", "--group", "build", "pyproject.toml"]
    steps = (
        ("runtime", []),
        ("test", ["--group", "test", "-c", "requirements/runtime.txt"]),
        ("dev", ["--group", "test", "--group", "dev", "-c", "requirements/test.txt"]),
        # Installed by .ci/run alone, beside the test set.
        ("ci", ["--group", "test", "--group", "ci", "-c", "requirements/test.txt"]),
    )
    for name, extra in steps:
        code = run(base + extra + ["-o", f"requirements/{name}.txt"])
        if code:
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
