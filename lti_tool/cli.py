"""The `atelier` command: a table of names and where their commands live, loaded only when called.

So `atelier serve` loads no Prefect, and no package has to import another to be on the command line.
"""

import sys
from importlib import import_module

import typer

# name: ("module:attribute", what it does). A Typer app with several commands becomes a group of that name;
# a name of two words is one command of a group whose commands live in different places.
COMMANDS = {
    "demo": ("lti_tool.demo.commands:app", "The whole thing on this machine: a mini-LMS, the tool, a judge."),
    "serve": ("lti_tool.commands:serve", "Run the web process (gunicorn)."),
    "worker": ("flows.commands:worker", "Run the executor: it claims jobs and judges."),
    "prefect": ("flows.prefect_command:prefect", "Run Prefect's server by itself, or show its pages."),
    "up": ("lti_tool.up_command:app", "Web process and executor together, for one machine."),
    "db": ("seeds.database_commands:app", "The database's schema."),
    "doctor": ("flows.doctor_command:app", "Check everything outside this process."),
    "lms": ("lti_tool.lms_commands:app", "Registered platforms."),
    "purge": ("lti_tool.purge_command:app", "Erase what placements keep for a limited time."),
    "gate": ("lti_tool.gate_commands:app", "Gate files on placements: what may be released unseen."),
    "gate-key": ("lti_tool.gate_key_commands:app", "The researchers' keys whose gate files are believed."),
    "gate-watch": ("flows.gate_watch_command:app", "Look at every gate in use; close those that break their promise."),
    "export reviews": ("lti_tool.export_commands:app", "De-identified sheets of people and judges, for evaluation."),
    "lesson": ("seeds.commands:app", "Check a lesson."),
    "rubric": ("rubrics.commands:app", "Check a rubric."),
    "judge": ("flows.judging.commands:app", "Judge one text or a file of them."),
    "eval run": ("flows.eval_commands:app", "Have a judge fill in sheets for a set that people scored."),
    "eval probes": ("flows.probe_command:app", "Texts made to mislead a judge, and what it makes of them."),
    "eval report": ("eval.report_command:app", "A run's figures as one page, with JSON and CSV."),
    "eval compare": ("eval.compare_command:app", "Two judges on the same responses."),
    "eval metrics": ("eval.metrics_command:app", "How far a judge agrees with people, from a table that has both."),
    "eval train": ("flows.train_command:app", "Fit a judge on a table of texts that people scored."),
    "eval gate": ("eval.gate_command:app", "What share of its scores may be released unseen, at which risk."),
    "eval gate-key": ("eval.gate_key_command:app", "The key pair that signs gate files."),
    "eval judge-id": ("flows.judging.identity_command:app", "Which judge a name stands for, as a gate file needs it."),
    "eval drift": ("eval.drift_command:app", "Whether a gate that is in use still keeps its promise."),
    "eval simulate-gate": ("eval.simulate_gate_command:app", "Whether the gate keeps its promise, in known worlds."),
}
GROUPS = {
    "eval": "How far a judge agrees with people, and what it may decide alone.",
    "export": "Take data out.",
}
HELP = ("-h", "--help")


def main() -> None:
    """Entry point of the `atelier` script."""
    arguments = sys.argv[1:]
    if not arguments or arguments[0] in HELP:
        print(_overview())
        raise SystemExit(0 if arguments else 2)
    if arguments[0] == "--version":
        from importlib.metadata import version

        print(version("atelier"))
        raise SystemExit(0)
    if arguments[0] in GROUPS and (not arguments[1:] or arguments[1] in HELP):
        print(_overview(arguments[0]))
        raise SystemExit(0 if arguments[1:] else 2)
    words = 2 if arguments[0] in GROUPS else 1
    name = " ".join(arguments[:words])
    if name not in COMMANDS:
        listed = " ".join(["atelier", *arguments[: words - 1]])
        print(f"atelier: no command {name!r}. '{listed} --help' lists them.", file=sys.stderr)
        raise SystemExit(2)
    load(name)(args=arguments[words:], prog_name=f"atelier {name}")


def load(name: str) -> typer.Typer:
    """The Typer app behind a command's name."""
    module, _, attribute = COMMANDS[name][0].partition(":")
    app = getattr(import_module(module), attribute)
    assert isinstance(app, typer.Typer)
    return app


def _overview(group: str = "") -> str:
    """The commands of a group, or of the whole with each group as one line."""
    named = f"{group} " if group else ""
    known = {name: what for name, (_, what) in COMMANDS.items()}
    shown = (
        {name.removeprefix(named): what for name, what in known.items() if name.startswith(named)}
        if group
        else {name: what for name, what in known.items() if " " not in name} | GROUPS
    )
    width = max(map(len, shown), default=0)
    lines = [f"  {name.ljust(width)}  {what}" for name, what in shown.items()]
    start = f"atelier {named}"
    return "\n".join(
        [f"usage: {start}COMMAND [options]", "", *lines, "", f"'{start}COMMAND --help' says more about each."]
    )
