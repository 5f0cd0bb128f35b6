"""The `atelier` command: a table of names and where their commands live, loaded only when called.

So `atelier serve` loads no Prefect, and no package has to import another to be on the command line.
"""

import sys
from importlib import import_module

import typer

# name: ("module:attribute", what it does). A Typer app with several commands becomes a group of that name.
COMMANDS = {
    "demo": ("lti_tool.demo.commands:app", "The whole thing on this machine: a mini-LMS, the tool, a judge."),
    "serve": ("lti_tool.commands:serve", "Run the web process (gunicorn)."),
    "worker": ("flows.commands:worker", "Run the executor: it claims jobs and judges."),
    "up": ("lti_tool.up_command:app", "Web process and executor together, for one machine."),
    "db": ("seeds.database_commands:app", "The database's schema."),
    "doctor": ("flows.doctor_command:app", "Check everything outside this process."),
    "lms": ("lti_tool.lms_commands:app", "Registered platforms."),
    "lesson": ("seeds.commands:app", "Check a lesson."),
    "rubric": ("rubrics.commands:app", "Check a rubric."),
    "judge": ("flows.judging.commands:app", "Judge one text or a file of them."),
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
    name = arguments[0]
    if name not in COMMANDS:
        print(f"atelier: no command {name!r}. 'atelier --help' lists them.", file=sys.stderr)
        raise SystemExit(2)
    load(name)(args=arguments[1:], prog_name=f"atelier {name}")


def load(name: str) -> typer.Typer:
    """The Typer app behind a command's name."""
    module, _, attribute = COMMANDS[name][0].partition(":")
    app = getattr(import_module(module), attribute)
    assert isinstance(app, typer.Typer)
    return app


def _overview() -> str:
    width = max(map(len, COMMANDS))
    lines = [f"  {name.ljust(width)}  {what}" for name, (_, what) in COMMANDS.items()]
    return "\n".join(
        ["usage: atelier COMMAND [options]", "", *lines, "", "'atelier COMMAND --help' says more about each."]
    )
