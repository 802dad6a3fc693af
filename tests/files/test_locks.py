"""Locks between processes: one at a time, and free again when the holder dies."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from cloudcore.files import locks

ROOT = Path(__file__).parents[2]
START = "import os, subprocess, sys, pathlib\nfrom cloudcore.files import locks\npath = pathlib.Path(sys.argv[1])\n"
HOLD = "with locks.hold(path):\n    print('held', flush=True)\n    sys.stdin.read()"


def _python(script: str, *arguments: str | Path) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", START + script, *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def _said(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_one_process_at_a_time(tmp_path: Path) -> None:
    """Three processes add to a number, each by reading and writing it: none reads what another is about to change."""
    lock, number = tmp_path / "lock", tmp_path / "number"
    number.write_text("0")
    add = (
        "number = pathlib.Path(sys.argv[2])\n"
        "for turn in range(10):\n"
        "    with locks.hold(path):\n"
        "        number.write_text(str(int(number.read_text()) + 1))"
    )
    processes = [_python(add, lock, number) for _ in range(3)]
    for process in processes:
        process.communicate()
    assert [process.returncode for process in processes] == [0, 0, 0] and number.read_text() == "30"


def test_a_second_process_waits_until_the_first_is_done(tmp_path: Path) -> None:
    first = _python(HOLD, tmp_path / "lock")
    assert _said(first) == "held"
    second = _python("print('asks', flush=True)\n" + HOLD, tmp_path / "lock")
    assert _said(second) == "asks"
    with locks.try_hold(tmp_path / "lock") as held:
        assert not held
    first.communicate()
    assert _said(second) == "held"
    second.communicate()
    assert (first.returncode, second.returncode) == (0, 0)


HELPERS = {
    "alone": "",
    "with a program it started": "subprocess.Popen([sys.executable, '-c', 'import sys; sys.stdin.read()'])\n",
    "with a forked child": "os.fork() or (sys.stdin.read(), os._exit(0))\n",
}


@pytest.mark.parametrize("helper", HELPERS.values(), ids=HELPERS)
def test_a_killed_holder_frees_it(tmp_path: Path, helper: str) -> None:
    """Also where a child of it lives on, as a training's readers of data may."""
    script = f"with locks.hold(path):\n    {helper}    print('held', flush=True)\n    sys.stdin.read()"
    holder = _python(script if helper else HOLD, tmp_path / "lock")
    assert _said(holder) == "held"
    with locks.try_hold(tmp_path / "lock") as held:
        assert not held
    holder.kill()
    holder.wait()
    with locks.try_hold(tmp_path / "lock") as held:
        assert held
    holder.communicate()  # ends the child too, whose input this closes


def test_threads_keep_each_other_out(tmp_path: Path) -> None:
    free: list[bool] = []

    def look() -> None:
        with locks.try_hold(tmp_path / "lock") as held:
            free.append(held)

    with locks.hold(tmp_path / "lock"):
        _in_a_thread(look)
    _in_a_thread(look)
    assert free == [False, True]


def test_an_error_inside_frees_it(tmp_path: Path) -> None:
    for hold in (locks.hold, locks.try_hold):
        with pytest.raises(ZeroDivisionError), hold(tmp_path / "made" / "lock"):
            raise ZeroDivisionError
        with locks.try_hold(tmp_path / "made" / "lock") as held:
            assert held


def _in_a_thread(work: object) -> None:
    assert callable(work)
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
