"""The Cloud type page.

In: photographs of clouds and a classifier; out: a genus for each with its confidence, the person's labels in the label
store, decisions about a set of photographs, and a run that learns from it.
"""

__all__ = ["answer", "cleaner", "intake", "photographs", "view"]
