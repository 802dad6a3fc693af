"""Label tables out of Satellite: train.csv with its corrections, and an empty submission that is valid."""

import tempfile
from pathlib import Path

import streamlit as st

from cloudcore.errors import DataError
from cloudcore.masks import rle
from cloudcore.satellite import table
from cloudcore.satellite.table import PATTERNS
from cloudcore.ui.satellite.dataset import Dataset


def offer(dataset: Dataset) -> None:
    """Offer the table with its corrections, and an empty submission that is valid; each is made when asked for."""
    count = sum(len(heads) for heads in dataset.corrected.values())
    with st.expander("Download", type="compact"):
        st.caption(f"train.csv with {count:,} corrected {'label' if count == 1 else 'labels'}; it reads back the same.")
        st.download_button(
            "train.csv",
            data=lambda: table_bytes(dataset),
            file_name="train.csv",
            mime="text/csv",
            on_click="ignore",
            key="satellite_table",
        )
        n = 4 * len(dataset.table.images)
        st.caption(f"sample_submission.csv: {n:,} rows, all empty, checked before it is handed out.")
        st.download_button(
            "sample_submission.csv",
            data=lambda: submission_bytes(dataset),
            file_name="sample_submission.csv",
            mime="text/csv",
            on_click="ignore",
            key="satellite_submission",
        )


def table_bytes(dataset: Dataset) -> bytes:
    """The table as train.csv with every correction in it; corrections of another shape are left out."""
    replaced = {}
    for pattern in PATTERNS:
        for image in dataset.table.images:
            if dataset.revision(image, pattern):
                replaced[image, pattern] = rle.encode(dataset.mask(image, pattern))
    with tempfile.TemporaryDirectory() as folder:
        table.write_table(Path(folder) / "train.csv", dataset.table, replaced)
        return (Path(folder) / "train.csv").read_bytes()


def submission_bytes(dataset: Dataset) -> bytes:
    """An empty submission for the table's images. Raises DataError where the check finds anything wrong."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sample_submission.csv"
        table.sample_submission(path, dataset.table.images)
        if problems := table.check_submission(path, dataset.table.images):
            raise DataError(problems[0])
        return path.read_bytes()
