"""Cloud Lab: paint clouds on sky frames, learn from the paint, look at what was wrong, paint again."""

import importlib
from types import ModuleType
from typing import TYPE_CHECKING

__version__ = "0.3.0"

if not TYPE_CHECKING:  # mypy would take any misspelt name for a module

    def __getattr__(name: str) -> ModuleType:
        """A package of Cloud Lab, imported when it is first named: `import cloudcore` alone loads none."""
        if not name.startswith("_"):
            try:
                return importlib.import_module(f"{__name__}.{name}")
            except ModuleNotFoundError as problem:
                if problem.name != f"{__name__}.{name}":
                    raise
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
