"""What every page needs: entry, library, widgets, and the last words when a page fails."""

__all__ = ["author", "error_boundary", "first_start", "notices", "widgets"]
