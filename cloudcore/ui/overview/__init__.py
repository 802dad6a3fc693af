"""The Overview page: what is here, and what to do next."""

__all__ = ["view"]
