"""Labels in and out, one file a format.

In: mask folders, zips, pairs.csv, COCO JSON and Kaggle's CSV, and the frames they are for. Out: saved revisions with a
report of what was refused and why; or a label set as a training folder, COCO JSON or Kaggle's CSV.
"""

from cloudcore.labels.exchange.coco import export_coco, import_coco
from cloudcore.labels.exchange.folder import export_folder
from cloudcore.labels.exchange.import_plan import ImportPlan, ImportRow, plan_import, run_import, with_meaning
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
