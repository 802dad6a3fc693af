"""Radar pictures of dBZ.

In: SVRIMG's tables and arrays, a folder per class. Out: checked pictures and their variants.
"""

__all__ = ["folders", "svrimg", "variants"]
