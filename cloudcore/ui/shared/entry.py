"""The first call of every page, and the files that the entry page shows."""

import gc
import sys
from pathlib import Path

import streamlit as st
from streamlit.runtime.pages_manager import PagesManager

from cloudcore.ui.shared import first_start

ASSETS = Path(__file__).parent / "assets"
"""Folder of favicon, logo and style sheet."""


def enter() -> None:
    """Enter a page, as its first call: the first visit to a fresh server may come straight to a page.

    A folder called pages/ beside the entry file then makes Streamlit run that page alone, without navigation. Turning
    that mode off and running again goes through the entry file.
    """
    if PagesManager.uses_pages_directory:
        PagesManager.uses_pages_directory = False
        st.rerun()
    _set_libraries_aside()
    first_start.prepare()


_ASIDE = {"modules": 0}


def _set_libraries_aside() -> None:
    """Take the objects of libraries out of the garbage collector's sight, whenever more were loaded.

    Streamlit collects every generation after each run; walking a few hundred thousand objects of libraries, which never
    go away, held up the answer to every stroke and click by about 110 ms.
    """
    if len(sys.modules) > _ASIDE["modules"] + 10:
        _ASIDE["modules"] = len(sys.modules)
        gc.collect()
        gc.freeze()
