"""Write docs/commands.md from the help texts of both command lines: ``make docs``."""

from __future__ import annotations

from pathlib import Path

import click
from click.testing import CliRunner

from annotate.cli import main as annotate_main
from mumic.cli import main as mumic_main

TARGET = Path(__file__).parent / "commands.md"


def commands_page() -> str:
    """The reference of all commands, as Markdown."""
    parts = ["# Commands\n\nMade by `make docs` from the help texts.\n"]
    for name, group in (("mumic-annotate", annotate_main), ("mumic", mumic_main)):
        parts += _sections(name, group, depth=2)
    return "\n".join(parts)


def _sections(path: str, command: click.Command, depth: int) -> list[str]:
    text = CliRunner().invoke(command, ["--help"], prog_name=path, terminal_width=100).output
    parts = [f"{'#' * depth} {path}\n\n```\n{text.rstrip()}\n```\n"]
    if isinstance(command, click.Group):
        for name, child in command.commands.items():
            parts += _sections(f"{path} {name}", child, depth + 1)
    return parts


if __name__ == "__main__":
    TARGET.write_text(commands_page(), "utf-8")
