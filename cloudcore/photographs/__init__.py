"""Photographs of clouds. In: folders of classes and addresses. Out: genera in words, twins, decisions, splits."""

__all__ = ["class_activation", "decisions", "download", "folders", "genera", "rejection", "twins"]
