"""Cloud Lab: paint clouds on sky frames, learn from the paint, look at what was wrong, paint again."""

__version__ = "0.3.0"
