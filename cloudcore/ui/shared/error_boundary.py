"""The error boundary of a page, a fragment or a dialog: the one broad except of the app.

Streamlit runs a fragment or dialog again without the entry file around it, so each of them carries its own guard.
What steers a script (rerun, stop, switch_page) is no Exception to Python and passes.
"""

import functools
import logging
import secrets
from collections.abc import Callable
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import ParamSpec

import streamlit as st

from cloudcore import settings
from cloudcore.errors import CloudcoreError

P = ParamSpec("P")


def in_words(body: Callable[P, None]) -> Callable[P, None]:
    """Wrap a body so that its errors are said on the page: our own as they are, any other with a number in the log.

    Stands below st.fragment or st.dialog.
    """

    @functools.wraps(body)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            body(*args, **kwargs)
        except CloudcoreError as error:
            st.error(str(error))
        except Exception as error:  # the one broad except: what nobody foresaw ends in words and in the log
            show_failure(error)

    return guarded


def show_failure(error: Exception) -> None:
    """Log an unexpected error under a short number in workspace/app.log, and say so on the page."""
    number = secrets.token_hex(2).upper()
    _log(settings.load().workspace).error("Error %s", number, exc_info=error)
    st.error(f"Something failed here. Labels are safe. Error {number} is in the log.")


@st.cache_resource(show_spinner=False)
def _log(workspace: Path) -> logging.Logger:
    log = logging.getLogger("cloudcore.app")
    try:
        workspace.mkdir(parents=True, exist_ok=True)
        handler: logging.Handler = RotatingFileHandler(workspace / "app.log", maxBytes=1_000_000, backupCount=2)
    except OSError:
        handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    log.addHandler(handler)
    return log
