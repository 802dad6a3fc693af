"""Radar pictures of dBZ.

In: SVRIMG's tables and arrays, or a folder per class of PNG. Out: checked pictures with their classes, and the variants
of a picture that training draws from.
"""

__all__ = ["folders", "svrimg", "variants"]
