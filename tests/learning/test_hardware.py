"""What a training would run on, from a driver's answer and the system's files."""

import os
from pathlib import Path

import pytest

from cloudcore.learning import hardware

TWO = "NVIDIA H200, 143771, 142000\nNVIDIA A2, 15356, 9000\n"


def _driver(folder: Path, answer: str, code: int = 0) -> None:
    """A program named nvidia-smi on the path."""
    program = folder / "nvidia-smi"
    program.write_text(f"#!/bin/sh\nprintf '%s' '{answer}'\nexit {code}\n", encoding="utf-8")
    program.chmod(0o755)


def test_the_driver_s_answer_by_hand() -> None:
    first, second = hardware.read_gpus(TWO)
    assert (first.name, first.total_mib, first.free_mib) == ("NVIDIA H200", 143771, 142000)
    assert second.name == "NVIDIA A2"
    assert hardware.read_gpus("NVIDIA GB10, [N/A], [N/A]\nno devices were found\n") == []


def test_cards_that_a_run_may_not_use_are_not_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    _driver(tmp_path, TWO)
    for visible, names in (
        ("1", ["NVIDIA A2"]),
        ("1,0", ["NVIDIA A2", "NVIDIA H200"]),
        ("", []),
        ("-1", []),
        ("7", []),
    ):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
        assert [card.name for card in hardware.gpus()] == names, visible
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    assert len(hardware.gpus()) == 2
    _driver(tmp_path, "NVIDIA-SMI has failed", 9)
    assert hardware.gpus() == []


def test_the_sentence_names_the_device_and_its_memory() -> None:
    cards, main = hardware.read_gpus(TWO), hardware.Memory(7950, 5222)
    assert hardware.words(cards[:1], True, main) == "GPU: NVIDIA H200, 139 GiB memory free of 140 GiB."
    assert hardware.words(cards, True, main).endswith(", the first of 2.")
    assert "5.1 GiB memory free of 7.8 GiB. No GPU was found." in hardware.words([], True, main)
    assert "the installed torch is for the CPU alone" in hardware.words(cards, False, main)


def test_the_memory_is_that_of_the_container(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "meminfo").write_text("MemTotal: 8388608 kB\nMemFree: 1 kB\nMemAvailable: 4194304 kB\n")
    monkeypatch.setattr(hardware, "_MEMORY", tmp_path / "meminfo")
    monkeypatch.setattr(hardware, "_GROUP", tmp_path)
    assert hardware.memory() == hardware.Memory(8192, 4096)
    (tmp_path / "memory.max").write_text("max\n")
    assert hardware.memory() == hardware.Memory(8192, 4096)
    for name, value in (("memory.max", 2 << 30), ("memory.current", 1536 << 20)):
        (tmp_path / name).write_text(f"{value}\n")
    (tmp_path / "memory.stat").write_text(f"anon 5\ninactive_file {512 << 20}\n")
    assert hardware.memory() == hardware.Memory(2048, 1024)
    monkeypatch.setattr(hardware, "_MEMORY", tmp_path / "none")
    assert hardware.memory() is None


def test_torch_s_build_is_read_without_importing_it() -> None:
    import torch

    assert hardware.torch_uses_gpus() is (torch.version.cuda is not None)
