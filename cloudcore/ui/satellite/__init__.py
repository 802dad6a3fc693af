"""The Satellite page: gallery, one image, corrections, statistics."""

__all__ = ["correction", "gallery", "image_view", "pictures", "shelf", "statistics"]
