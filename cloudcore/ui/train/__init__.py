"""The Train page: data and settings of a new run, runs while they go on and afterwards."""

__all__ = ["new_run", "notes", "progress", "table", "trial_form"]
