"""The command line: every command told in the README, errors in a sentence with exit code 1."""

import logging
import sys
from pathlib import Path
from typing import Any

import pytest
import typer

from cloudcore import __version__
from cloudcore.commands import main, runs
from cloudcore.errors import CloudcoreError

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
GROUP: Any = typer.main.get_command(main.app)


def _run(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    """The exit code of `cloudlab WORDS`."""
    monkeypatch.setattr(sys, "argv", ["cloudlab", *words])
    with pytest.raises(SystemExit) as end:
        main.main()
    return int(end.value.code or 0)


@pytest.mark.parametrize("name", sorted(GROUP.commands))
def test_every_command_stands_in_the_readme_and_tells_of_itself(name: str) -> None:
    assert f"python -m cloudcore {name}" in README
    assert GROUP.commands[name].help or GROUP.commands[name].callback


def test_a_run_that_is_not_there_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(monkeypatch, "runs", "show", "nothing") == 1
    said = capsys.readouterr().err.strip()
    assert said.count("\n") == 0 and said.endswith(".") and "Traceback" not in said


@pytest.mark.parametrize(("library", "extra"), [("sqlalchemy", "labels"), ("torch", "train"), ("pandas", "night")])
def test_a_missing_library_is_named_with_its_extra(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], library: str, extra: str
) -> None:
    def missing(root: Path) -> None:
        raise ModuleNotFoundError(f"No module named {library!r}", name=library)

    monkeypatch.setattr(runs.runs, "list_runs", missing)
    assert _run(monkeypatch, "runs", "list") == 1
    assert capsys.readouterr().err == f'This needs {library}. Install Cloud Lab with it: pip install ".[{extra}]"\n'


@pytest.mark.parametrize("problem", [RuntimeError("broken"), ModuleNotFoundError("gone", name="our_own_typo")])
def test_what_nobody_foresaw_is_logged_under_a_code(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    problem: Exception,
) -> None:
    def fail(root: Path) -> None:
        raise problem

    monkeypatch.setattr(runs.runs, "list_runs", fail)
    with caplog.at_level(logging.ERROR):
        assert _run(monkeypatch, "runs", "list") == 1
    said = capsys.readouterr().err
    code = said.split("Error ")[1].split()[0]
    assert said.startswith("Something failed. Labels are safe.") and f"error {code}" in caplog.text


def test_a_foreseen_error_is_its_own_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(root: Path) -> None:
        raise CloudcoreError("Got nothing; wanted a run. Start one.")

    monkeypatch.setattr(runs.runs, "list_runs", refuse)
    assert _run(monkeypatch, "runs", "list") == 1
    assert capsys.readouterr().err == "Got nothing; wanted a run. Start one.\n"


def test_the_version_is_that_of_the_changelog() -> None:
    changelog = (Path(__file__).parents[2] / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"## {__version__}\n" in changelog
