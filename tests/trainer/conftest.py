"""One thread for torch in these tests: its threads wait for each other busily, which costs minutes where cores are shared."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="session", autouse=True)
def one_torch_thread() -> None:
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)
