"""Model folders: model.onnx, weights.safetensors and model.json.

In: a name, a run or a folder; images, and data folders to be scored on. Out: predictors with probabilities, masks and
classes; ModelInfo, which is model.json; tables of scores with n and interval, and their figures.
"""

from cloudcore.models.folder import ZOO, ModelEntry, available, find_folder, save_run_as, write_threshold
from cloudcore.models.model_info import KINDS, ModelInfo, Rejection, TrainedOn
from cloudcore.models.onnx_export import export, round_weights
from cloudcore.models.predictor import ClassPrediction, Predictor, load, strength

__all__ = [
    "ClassPrediction",
    "KINDS",
    "ModelEntry",
    "ModelInfo",
    "Predictor",
    "Rejection",
    "TrainedOn",
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
    "round_weights",
    "save_run_as",
    "strength",
    "write_threshold",
]
