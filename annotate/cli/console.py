"""What all commands of both command lines share. Only click and the standard library."""

from __future__ import annotations

import errno
import json
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from annotate.errors import MumicError

if TYPE_CHECKING:
    from annotate.workspace import Workspace

F = TypeVar("F", bound=Callable[..., Any])

json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print a machine-readable summary on standard output."
)


class Program(click.Group):
    """A command line; the one place where errors become a message and exit code 1.

    These are :class:`MumicError`, and what the system refuses: a folder that cannot be written, a
    full disk.
    """

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command and translate its errors."""
        try:
            return super().invoke(ctx)
        except MumicError as error:
            raise click.ClickException(str(error)) from error
        except BrokenPipeError:  # click's: the reader, such as head, has seen enough
            raise
        except OSError as error:
            if error.errno is None:  # not the system's: a bug, or a library's own
                raise
            raise click.ClickException(_refused(error)) from error

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Commands in the order in which they are used, not of the alphabet."""
        return list(self.commands)


def _refused(error: OSError) -> str:
    """What the system refused; nothing was half written, since every write is atomic."""
    remedies = {
        errno.ENOSPC: "Free some space, then run the command again.",
        errno.EACCES: "Make it readable and writable for you, then run the command again.",
        errno.EROFS: "Move the workspace to where you can write.",
        errno.EMFILE: "Allow more open files (`ulimit -n 65536`), then run the command again.",
    }
    place = f"{error.filename}: " if error.filename else ""
    remedy = remedies.get(error.errno or 0, "Look at that place, then run the command again.")
    return f"{place}{error.strerror or error}. {remedy}"


class Stage(click.Group):
    """A group of commands whose bare call runs its main command (``questions`` plans)."""

    def __init__(self, *args: Any, main: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.main_command = main

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the main command in front where the first word is no command of this group."""
        first = args[0] if args else None
        if first not in self.commands and first not in ctx.help_option_names:
            args = [self.main_command, *args]
        return super().parse_args(ctx, args)


def open_workspace() -> Workspace:
    """The workspace of the current folder, labels and dataset whole though a command was killed."""
    from annotate.together import finish
    from annotate.workspace import Workspace

    workspace = Workspace.find()
    for folder in (workspace.labels, workspace.dataset):
        finish(folder)
    return workspace


def emit(summary: dict[str, Any], lines: Iterable[str], *, as_json: bool) -> None:
    """Print a command's result on standard output: JSON for machines, or lines for people."""
    if as_json:
        click.echo(json.dumps(summary, indent=2, ensure_ascii=False, default=str))
    else:
        for line in lines:
            click.echo(line)


def note(message: str) -> None:
    """Print a message about the work itself on standard error."""
    click.echo(message, err=True)


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """Rows as aligned text, numbers to the right.

    >>> table(["class", "n"], [["Pets", 12], ["TV", 7]])
    ['class   n', 'Pets   12', 'TV      7']
    """
    cells = [[str(value) for value in row] for row in rows]
    numeric = [
        bool(cells) and all(_is_number(row[column]) for row in cells)
        for column in range(len(header))
    ]
    widths = [
        max(len(row[column]) for row in [list(header), *cells]) for column in range(len(header))
    ]
    return [
        "  ".join(
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(row, widths, numeric, strict=True)
        ).rstrip()
        for row in [list(header), *cells]
    ]


def _is_number(text: str) -> bool:
    return (
        text.replace(".", "").replace("-", "").replace("%", "").replace(",", "").strip().isdigit()
    )


def progress(total: int | None, what: str) -> Any:
    """A progress bar on standard error with a rate and the time left (a ``tqdm``).

    Work that is done at once shows none, and a log file gets a line now and then.
    """
    from tqdm import tqdm

    return tqdm(
        total=total,
        desc=what,
        unit="img",
        file=sys.stderr,
        dynamic_ncols=True,
        delay=0.5,
        mininterval=0.5 if sys.stderr.isatty() else 10,
    )
