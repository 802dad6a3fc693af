"""Torch modules written here; every other network comes from a library."""
