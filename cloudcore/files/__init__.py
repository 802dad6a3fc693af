"""What lies on disk, safely: opening, atomic writing, locks, strict CSV, small JSON, archives, names.

In: paths and bytes of anybody's. Out: bytes, rows, objects and locks, or the caller's error in a sentence; files and
folders that are whole or not there. Every other package opens, replaces and locks through these.
"""

__all__ = ["archives", "atomic", "content_hashes", "locks", "names", "opening", "small_json", "tables"]
