"""Errors a person can meet: each message says what was got, what was wanted and what to do next."""


class CloudcoreError(Exception):
    """Base of every error this package raises on purpose; its text is a sentence fit for a page."""


class ImageError(CloudcoreError):
    """A file is no image we accept: broken, too large, too small or of another format."""


class RLEError(CloudcoreError):
    """A run-length text breaks the Kaggle dialect."""


class MaskError(CloudcoreError):
    """An array is no mask, probability or label of the wanted shape and values."""


class LabelError(CloudcoreError):
    """The label store refuses a request; nothing was written."""


class DataError(CloudcoreError):
    """A data folder or table cannot be trained on, scored or imported."""


class RunError(CloudcoreError):
    """A training run cannot be started, stopped or resumed."""


class ModelError(CloudcoreError):
    """A model folder is missing, damaged or of another architecture."""
