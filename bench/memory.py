"""Whether memory grows with what is judged: the executor and Prefect's server after so many essays of six steps.

The judge answers at once, so that what is measured comes soon; 150 essays side by side, PostgreSQL. Each figure stands
beside the one after the first tenth (the first quarter of the short version), when everything has been loaded.
"""

import argparse
import json
import sys

from bench.durable import AT_ONCE
from bench.figures import Figure, publish
from bench.servers import backends
from bench.track import described, race

MARKS, MANY_MARKS = (250, 500, 1000), (1000, 2500, 5000, 10000)


def main() -> None:
    """Judge them, then print; what was said goes to standard error."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", action="store_true", help=f"{MANY_MARKS[-1]:,} essays")
    marks = MANY_MARKS if parser.parse_args().full else MARKS
    with backends() as servers:
        options = ["0", ",".join(map(str, marks))]
        outcome = race("with_atelier", marks[-1], AT_ONCE, servers, options)
    print(json.dumps(described(outcome)), file=sys.stderr, flush=True)
    found = {int(mark): megabytes for mark, megabytes in outcome.said["memory"].items()}
    figures = [
        Figure(
            f"{whose} after {mark:,} essays", found[mark][whose], "MB", found[marks[0]][whose], f"after {marks[0]:,}"
        )
        for whose in found[marks[0]]
        for mark in marks[1:]
    ]
    publish("memory", f"steps of 0 s, {AT_ONCE} side by side, PostgreSQL", figures)


if __name__ == "__main__":
    main()
