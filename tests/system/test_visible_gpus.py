"""The GPUs of a node that names none: all for who works on it, none for a Slurm job that asked for none."""

from pathlib import Path

import pytest

from vqa.system import devices


@pytest.fixture
def node_with_gpus(tmp_path, monkeypatch):
    """A /dev with eleven GPUs and what else a driver puts there."""
    for name in [f"nvidia{number}" for number in range(11)] + ["nvidiactl", "nvidia-uvm", "null"]:
        (tmp_path / name).touch()
    real = Path
    monkeypatch.setattr(devices, "Path", lambda path: tmp_path if path == "/dev" else real(path))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)


def test_a_workstation_offers_every_gpu_in_the_order_of_its_numbers(node_with_gpus):
    assert devices.visible() == [str(number) for number in range(11)]


def test_a_slurm_job_without_gpus_takes_none_of_its_nodes(node_with_gpus, monkeypatch):
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    assert devices.visible() == [] and devices.resolve("auto") == "cpu"


def test_a_slurm_job_takes_the_gpus_it_was_given(node_with_gpus, monkeypatch):
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3")
    assert devices.visible() == ["3"] and devices.resolve("auto") == "cuda"
