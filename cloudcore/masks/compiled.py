"""Loops compiled by numba. Modules of kernels are imported at their first use: importing numba takes a second."""

from collections.abc import Callable
from typing import TypeVar

import numba

F = TypeVar("F", bound=Callable[..., object])


def compiled(function: F) -> F:
    """The function compiled at its first call, without the interpreter's lock, from numba's cache on disk.

    It stands at module level and calls nothing but numpy and other compiled functions of its module. Where no cache
    folder can be written (a read-only container without a home) it is compiled anew in every process.
    """
    try:
        return numba.njit(cache=True, nogil=True)(function)  # type: ignore[no-any-return]
    except RuntimeError:  # numba: "cannot cache function ...: no locator available"
        return numba.njit(nogil=True)(function)  # type: ignore[no-any-return]
