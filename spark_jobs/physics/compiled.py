"""How a kernel is compiled: once for one signature, cached on disk, and with the arithmetic as written.

Fast-math is off, since it would let the last digits depend on the compiler's mood. The cache lies where NUMBA_CACHE_DIR says
(the session names a folder of this code version, because numba does not notice a changed callee), else beside the source.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

Kernel = TypeVar("Kernel", bound=Callable[..., Any])


def compiled(signature: str) -> Callable[[Kernel], Kernel]:
    """Decorator: compile a kernel for one numba signature when its file is imported."""
    return cast(
        "Callable[[Kernel], Kernel]", numba.njit(signature, cache=True, nogil=True, fastmath=False, error_model="numpy")
    )


def inlined(function: Kernel) -> Kernel:
    """Decorator: write a kernel out wherever another calls it.

    A call that hands arrays on counts references to each, atomically: tens of nanoseconds, more than a ray costs.
    """
    return cast("Kernel", numba.njit(inline="always", fastmath=False, error_model="numpy")(function))
