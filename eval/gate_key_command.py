"""`atelier eval gate-key`: the key pair whose private half signs gate files."""

import os
from pathlib import Path
from typing import Annotated

import typer

from eval.errors import EvalError
from eval.signing import PRIVATE, PUBLIC, make_key
from rubrics.gate_file import key_digest, public_line

app = typer.Typer(help="Make the key pair that signs gate files.", add_completion=False)
PASSPHRASE = "ATELIER_GATE_PASSPHRASE"


@app.command()
def gate_key(
    name: Annotated[str, typer.Argument(help="Whose key it is, as it will be listed: a name or an address.")],
    out: Annotated[Path, typer.Option(help="Where to write: OUT.key and OUT.pub.")] = Path("gate"),
    passphrase: Annotated[
        bool, typer.Option("--passphrase", help="Ask for a passphrase to seal the key with.")
    ] = False,
) -> None:
    """Make a key pair. Keep the .key file to yourself; give the .pub file to the admin, who registers it.

    The admin does that with: atelier gate-key add FILE.
    """
    sealed = passphrase_from_environment()
    if passphrase and sealed is None:
        sealed = typer.prompt("Passphrase", hide_input=True, confirmation_prompt=True)
    private, public = out.with_name(out.name + PRIVATE), out.with_name(out.name + PUBLIC)
    try:
        key = make_key(private, sealed)
        line = public_line(key.public_key(), " ".join(name.split()))
        _write_public(public, line)
    except EvalError as error:
        typer.echo(f"atelier eval gate-key: {error}.", err=True)
        raise typer.Exit(1) from None
    typer.echo(f"{private}  signs gate files; keep it to yourself\n{public}  goes to the admin of the tool\n\n{line}")
    typer.echo(f"digest {key_digest(key.public_key())}")


def passphrase_from_environment() -> str | None:
    """The passphrase for runs without a terminal."""
    return os.environ.get(PASSPHRASE) or None


def _write_public(file: Path, line: str) -> None:
    try:
        file.write_text(line + "\n", encoding="utf-8")
    except OSError as error:
        raise EvalError(f"{file} can't be written: {error.strerror}") from None
