"""Atelier with two executors, as one machine with two cores would be given: the second one is a process of its own.

They share the ledger, and Prefect's server, which the first one starts; each has half of what runs side by side.
"""

import json
import os
import subprocess
import sys
import time
from contextlib import suppress

from bench.contenders.race import Race
from bench.contenders.with_atelier import finish, hand_in, let_go, started, unfinished
from bench.track import line_that_starts
from lti_tool.db import Database

SECOND = "second"


def main() -> None:
    """Hand in, warm both up, let the essays be due, wait for the ledger, then for Prefect's records."""
    race = Race.from_arguments()
    database = Database(race.url)
    if sys.argv[5:] == [SECOND]:
        return second(race, database)
    hand_in(database, race.essays)
    executor, thread = started(race, database, race.at_once // 2)
    other = subprocess.Popen(
        [sys.executable, "-m", "bench.contenders.with_two_executors", *sys.argv[1:5], SECOND],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert other.stdin is not None
    line_that_starts(other, "ready")
    race.wait_for_start()
    let_go(database)
    while unfinished(database):
        time.sleep(0.1)
    other.stdin.write("done\n")
    other.stdin.flush()
    first = {int(essay): moment - race.began for essay, moment in json.loads(line_that_starts(other, "{")).items()}
    own = len(race.first)
    race.first = first | race.first
    finish(race, database, shares=[own, len(first)])
    executor.stop()
    thread.join()
    with suppress(BrokenPipeError):
        other.stdin.close()
    other.wait(60)
    sys.stdout.flush()
    os._exit(0)


def second(race: Race, database: Database) -> None:
    """Work until told that all is done, then say when each of its essays began (monotonic seconds of this machine)."""
    executor, thread = started(race, database, race.at_once - race.at_once // 2)
    print("ready", flush=True)
    sys.stdin.readline()
    print(json.dumps({essay: race.began + after for essay, after in race.first.items()}), flush=True)
    # What it used is measured from outside, so it stays until the race is told.
    sys.stdin.readline()
    executor.stop()
    thread.join()
    os._exit(0)


if __name__ == "__main__":
    main()
