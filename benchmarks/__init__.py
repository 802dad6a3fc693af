"""Ours against the naive way and against peers, side by side in one process."""
