"""How the threads of a CPU run wait for each other: asleep. OpenMP reads the setting once, when torch is first imported."""

from __future__ import annotations

import os


def wait_asleep() -> None:
    """Call before torch is imported; a policy that stands in ``OMP_WAIT_POLICY`` is kept.

    By default libgomp's threads spin at every barrier. On a machine that does anything else besides, each spins away the time
    that the other needs: training on two shared cores ran 2 to 7 times faster asleep, and no slower on idle ones.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
