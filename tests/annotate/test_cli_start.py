"""The command lines answer at once and turn every error into one message."""

import errno
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from annotate.cli import main as annotate_main
from annotate.cli.console import Program, Stage, table
from annotate.errors import InputError
from mumic.cli import main as mumic_main

HEAVY = ("numpy", "pandas", "torch", "boto3", "jinja2", "pyarrow", "open_clip", "sklearn")


@pytest.mark.parametrize("package", ["annotate", "mumic"])
def test_help_imports_nothing_heavy(package: str) -> None:
    program = (
        f"import sys; sys.argv = ['x', '--help']\n"
        f"from {package}.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        f"print('LOADED', [name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "LOADED []"


def commands(group: click.Group, prefix: str) -> list[tuple[str, click.Command]]:
    found = []
    for name, command in group.commands.items():
        found.append((f"{prefix} {name}", command))
        if isinstance(command, click.Group):
            found += commands(command, f"{prefix} {name}")
    return found


ALL = commands(annotate_main, "mumic-annotate") + commands(mumic_main, "mumic")


@pytest.mark.parametrize(("path", "command"), ALL, ids=[path for path, _ in ALL])
def test_every_command_has_help_with_an_example(path: str, command: click.Command) -> None:
    text = CliRunner().invoke(command, ["--help"], prog_name=path).output
    if not isinstance(command, click.Group):
        assert f"{path.split()[0]} " in text.split("Example", 1)[1], text
        assert "--json" in text


@pytest.mark.parametrize("main", [annotate_main, mumic_main])
def test_a_bare_call_outside_a_workspace_suggests_init(
    main: click.Group, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(main, [])
    assert done.exit_code == 0
    assert "mumic-annotate init" in done.output


def test_exit_codes_tell_errors_from_wrong_usage() -> None:
    @click.group(cls=Program)
    def program() -> None:
        """A program."""

    @program.command()
    def fail() -> None:
        raise InputError("votes.csv line 7: no such class")

    failed = CliRunner().invoke(program, ["fail"])
    assert failed.exit_code == 1
    assert failed.output == "Error: votes.csv line 7: no such class\n"
    assert CliRunner().invoke(program, ["nothing"]).exit_code == 2


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "No space left on device. Free some"),
        (FileExistsError(errno.EEXIST, "File exists", "data/index"), "data/index: File exists."),
        (PermissionError(errno.EACCES, "Permission denied", "data"), "data: Permission denied."),
    ],
)
def test_what_the_system_refuses_is_said_in_a_sentence(error: OSError, said: str) -> None:
    @click.command()
    def fail() -> None:
        raise error

    result = CliRunner().invoke(Program(commands=[fail]), ["fail"])
    assert result.exit_code == 1
    assert result.stderr.startswith(f"Error: {said}")
    assert result.stderr.count("\n") == 1


def test_a_bare_group_runs_its_main_command() -> None:
    @click.group(cls=Stage, main="plan")
    def questions() -> None:
        """Questions."""

    @questions.command()
    @click.option("--seed", default=0)
    def plan(seed: int) -> None:
        click.echo(f"planned {seed}")

    @questions.command()
    def show() -> None:
        click.echo("shown")

    run = CliRunner().invoke
    assert run(questions, []).output == "planned 0\n"
    assert run(questions, ["--seed", "3"]).output == "planned 3\n"
    assert run(questions, ["show"]).output == "shown\n"
    assert "plan" in run(questions, ["--help"]).output


def test_a_table_is_aligned() -> None:
    assert table(["class", "n"], [["Pets", 120], ["TV", 7]]) == [
        "class    n",
        "Pets   120",
        "TV       7",
    ]
