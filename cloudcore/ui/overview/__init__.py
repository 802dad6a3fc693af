"""The Overview page.

In: the library, runs and models; out: their numbers, the frames to label next, and links to what helps now.
"""

__all__ = ["view"]
