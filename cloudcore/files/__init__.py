"""What lies on disk, safely: atomic writing, locks, strict CSV, archives.

Paths and bytes in; bytes, rows and locks out.
"""

__all__ = ["archives", "atomic", "content_hashes", "locks", "opening", "tables"]
