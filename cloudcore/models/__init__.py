"""A model folder: model.onnx, weights.safetensors and model.json.

In: a name or a folder; out: predictors, scores, tables.
"""

from cloudcore.models.folder import (
    KINDS,
    ZOO,
    ModelEntry,
    available,
    find_folder,
    read_info,
    save_run_as,
    write_threshold,
)
from cloudcore.models.onnx_export import export, round_weights
from cloudcore.models.predictor import ClassPrediction, Predictor, load, strength

__all__ = [
    "ClassPrediction",
    "KINDS",
    "ModelEntry",
    "Predictor",
    "ZOO",
    "available",
    "charts",
    "class_charts",
    "class_evaluation",
    "class_review",
    "class_table",
    "evaluation",
    "export",
    "find_folder",
    "folder",
    "load",
    "mask_evaluation",
    "read_info",
    "round_weights",
    "save_run_as",
    "strength",
    "write_threshold",
]
