"""The Compare page: prediction against truth."""

__all__ = ["predictions", "scores", "selection", "viewer"]
