"""The scripts for a GPU host: they parse, they say what is lacking, and a training that was stopped goes on to its end."""

from __future__ import annotations

import configparser
import errno
import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from schemas import bucket_region
from schemas.job_entry import InputError, run_job
from schemas.locations import S3Location, chunks_of, refusal, store
from schemas.run_record import read_run
from tests.conftest import REPOSITORY
from tests.trainer.tiny_training import small_stamps

GPU = REPOSITORY / "deploy" / "gpu"
SETTINGS = """\
data: {workers: 0, lanes: 4}
network: {backbone: convnext_mini, stem_stride: 2}
optimisation: {epochs: 15, batch_size: 16, save_minutes: 0}
"""


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """A virtual environment's folder whose python is this one."""
    folder = tmp_path / "venv" / "bin"
    folder.mkdir(parents=True)
    (folder / "python").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    (folder / "python").chmod(0o755)
    return folder.parent


def launched(program: Path, stamps: Path | str, out: Path, settings: Path | str, processes: int) -> subprocess.Popen[str]:
    environment = os.environ | {"STAMPS": str(stamps), "OUT": str(out), "SETTINGS": str(settings), "VENV": str(program)}
    environment |= {"PROCESSES": str(processes), "MORE": "--device cpu", "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [str(GPU / "train.sh")],
        cwd=REPOSITORY,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


@pytest.mark.parametrize(("shell", "name"), [("sh", "setup.sh"), ("bash", "train.sh")])
def test_the_scripts_are_shell_and_may_be_run(shell: str, name: str) -> None:
    assert subprocess.run([shell, "-n", str(GPU / name)], check=False).returncode == 0
    assert os.access(GPU / name, os.X_OK)


def test_a_host_without_a_driver_is_told_so(tmp_path: Path) -> None:
    for tool in ("dirname", "printf", "sh"):
        (tmp_path / tool).symlink_to(f"/usr/bin/{tool}")
    done = subprocess.run(
        ["/bin/sh", str(GPU / "setup.sh"), "--check"], env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1 and "setup: error: no nvidia-smi: install the NVIDIA driver first" in done.stderr


def test_a_host_with_a_driver_is_ready_to_be_set_up(tmp_path: Path) -> None:
    fake = tmp_path / "nvidia-smi"
    fake.write_text("#!/bin/sh\necho 'NVIDIA Test, 80 GiB, 570.0'\n")
    fake.chmod(0o755)
    environment = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}", "PYTHON": sys.executable}
    done = subprocess.run([str(GPU / "setup.sh"), "--check"], env=environment, capture_output=True, text=True, check=False)
    assert "GPU: NVIDIA Test, 80 GiB, 570.0" in done.stdout
    assert done.returncode == 0 or "wanted" in done.stderr  # this machine may be too small


def test_the_service_saves_before_it_stops_and_does_not_repeat_bad_input() -> None:
    unit = configparser.ConfigParser(interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(GPU / "darkhaloscope-train.service")
    service = unit["Service"]
    assert (service["Restart"], service["RestartPreventExitStatus"], service["KillMode"]) == ("on-failure", "2", "mixed")
    assert service["TimeoutStopSec"] == "2min" and unit["Install"]["WantedBy"] == "multi-user.target"
    names = {line.partition("=")[0] for line in (GPU / "training.env").read_text().splitlines() if not line.startswith("#")}
    assert names == {"STAMPS", "OUT", "SETTINGS", "MORE"}
    assert service["ExecStart"].endswith("deploy/gpu/train.sh")


def no_region() -> None:
    store("of-nobody")


def short_object() -> None:
    list(chunks_of(S3Location("b", "k")))


def silent_store() -> None:
    raise refusal("s3://b/k", "SLOW_DOWN", "503")


def full_disk() -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/data/training/last.pt")


def bad_input() -> None:
    raise InputError("data.lanes is 1 and there are 2 ranks")


@pytest.mark.parametrize(
    ("met", "code"), [(no_region, 75), (short_object, 75), (silent_store, 75), (full_disk, 75), (bad_input, 2)]
)
def test_the_service_starts_again_after_what_may_pass_and_only_then(
    met: Callable[[], None], code: int, program: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Ending(io.BytesIO):
        def size(self) -> int:
            return 10

    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(bucket_region, "_ANSWERS_FOR_ALL", "http://127.0.0.1:1")
    monkeypatch.setattr(S3Location, "open", lambda self: Ending(b"1234567"))

    def main(_: object) -> int:
        met()
        return 0

    assert run_job("train", main) == code
    (program / "said").write_text(capsys.readouterr().err)
    (program / "bin" / "python").write_text(f"#!/bin/sh\ncat {program / 'said'} >&2\nexit 1\n")  # torchrun's own code
    process = launched(program, "stamps", program / "out", "default", 2)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == code, said


@pytest.mark.slow
def test_a_training_that_the_service_stops_goes_on_and_ends(program: Path, tmp_path: Path) -> None:
    stamps = small_stamps(tmp_path / "data", size=16).stamps
    settings = tmp_path / "settings.yaml"
    settings.write_text(SETTINGS)
    first = launched(program, stamps, tmp_path / "out", settings, 2)
    until = time.monotonic() + 120
    while not (tmp_path / "out" / "last.pt").exists() and time.monotonic() < until and first.poll() is None:
        time.sleep(0.05)
    os.kill(first.pid, signal.SIGTERM)
    said, _ = first.communicate(timeout=90)
    assert first.returncode == 143, said[-3000:]
    assert "saved; the same command goes on from there" in said
    settings.write_text(SETTINGS.replace("save_minutes: 0", "save_minutes: 5"))
    second = launched(program, stamps, tmp_path / "out", settings, 2)
    said, _ = second.communicate(timeout=200)
    assert second.returncode == 0, said[-3000:]
    assert read_run(tmp_path / "out")["best_epoch"] >= 1


@pytest.mark.slow
def test_bad_input_ends_with_two_however_many_processes_saw_it(program: Path, tmp_path: Path) -> None:
    stamps = small_stamps(tmp_path / "data", size=16).stamps
    settings = tmp_path / "settings.yaml"
    settings.write_text(SETTINGS.replace("lanes: 4", "lanes: 1"))
    process = launched(program, stamps, tmp_path / "out", settings, 2)
    said, _ = process.communicate(timeout=120)
    assert process.returncode == 2, said[-3000:]
    assert "data.lanes is 1 and there are 2 ranks; wanted a number of lanes that they divide" in said
    assert not (tmp_path / "out").exists()
