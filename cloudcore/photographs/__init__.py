"""Photographs of clouds, a folder per class.

In: folders and addresses. Out: genera in words; photographs with twins, splits and a person's decisions; downloads that
were checked; activation maps over a photograph; how unlike the photographs learnt from a picture is.
"""

__all__ = ["class_activation", "decisions", "download", "folders", "genera", "rejection", "twins"]
