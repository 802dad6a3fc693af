"""Labels in and out, one file a format.

In: files of other tools; out: saved revisions with a report, or files for other tools.
"""

from cloudcore.labels.exchange.coco import export_coco, import_coco
from cloudcore.labels.exchange.folder import ImportPlan, ImportRow, export_folder, plan_import, run_import, with_meaning
from cloudcore.labels.exchange.kaggle import export_kaggle, import_kaggle
from cloudcore.labels.exchange.label_import import ExportReport, ImportReport, Progress, without_suffix

__all__ = [
    "ExportReport",
    "ImportPlan",
    "ImportReport",
    "ImportRow",
    "Progress",
    "export_coco",
    "export_folder",
    "export_kaggle",
    "import_coco",
    "import_kaggle",
    "plan_import",
    "run_import",
    "with_meaning",
    "without_suffix",
]
