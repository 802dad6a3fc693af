"""The Cloud type page: photographs to genera, and the cleaner of a set of photographs."""

__all__ = ["cleaner", "photographs", "view"]
