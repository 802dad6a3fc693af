"""Labels in and out of the app: the dialogs of import, with its preview, and of export."""

import tempfile
import zipfile
from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path, PurePath

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from cloudcore.errors import CloudcoreError, DataError
from cloudcore.labels import exchange
from cloudcore.labels.exchange import ImportPlan, ImportReport
from cloudcore.masks.mask_levels import Meaning
from cloudcore.ui.paint.paint_session import current_session, reopen
from cloudcore.ui.shared import author, error_boundary
from cloudcore.ui.shared.library import LABEL_SET, Library

PLAN = "exchange_plan"
IMPORT, EXPORT = "Import labels", "Export labels"
SHOWN_ROWS = 200
FORMATS = ("Frames and masks, PNG (zip)", "COCO JSON with RLE", "Kaggle CSV with RLE")


def offer(library: Library) -> None:
    """Draw the menu that opens import and export."""
    chosen = st.menu_button("Labels", [IMPORT, EXPORT], type="tertiary", key="exchange_menu")
    if chosen == IMPORT:
        st.session_state.pop(PLAN, None)
        import_labels(library)
    elif chosen == EXPORT:
        export_labels(library)


@st.dialog(IMPORT, width="large")
@error_boundary.in_words
def import_labels(library: Library) -> None:
    """Ask for masks, draw the preview, ask what the levels mean, import."""
    st.caption("Masks as PNG or JPEG, named as their frames; a zip of them; a COCO JSON; or a Kaggle CSV.")
    given = st.file_uploader(
        "Masks", type=["png", "jpg", "jpeg", "zip", "json", "csv"], accept_multiple_files=True, key="exchange_files"
    )
    folder = st.text_input("Or a folder on this machine, or its pairs.csv", key="exchange_folder")
    try:
        if given and given[0].name.lower().endswith((".json", ".csv")):
            _import_table(library, given[0])
        elif given or folder.strip():
            _import_masks(library, _planned(library, given, folder.strip()))
    except (CloudcoreError, OSError) as error:
        st.error(str(error))


def _import_table(library: Library, given: UploadedFile) -> None:
    repair = given.name.lower().endswith(".csv") and st.checkbox("Sort and merge runs that overlap or are out of order")
    if not st.button("Import", type="primary", key="exchange_import"):
        return
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / ("labels.json" if given.name.lower().endswith(".json") else "labels.csv")
        path.write_bytes(given.getvalue())
        name, store = author.current(), library.store
        if path.suffix == ".json":
            report = exchange.import_coco(path, store, LABEL_SET, name, library.frames)
        else:
            report = exchange.import_kaggle(path, store, LABEL_SET, name, library.frames, repair)
    _after_import(report)


def _planned(library: Library, given: Sequence[UploadedFile], folder: str) -> ImportPlan:
    """The plan of what was chosen, kept until something else is chosen."""
    wanted = (folder, *(item.file_id for item in given))
    known = st.session_state.get(PLAN)
    if known is None or known[0] != wanted:
        source = Path(folder).expanduser() if folder and not given else _stored(library, given)
        bar = st.progress(0.0, "Looking at the masks")
        plan = exchange.plan_import(source, library.frames, progress=lambda done, name: _advance(bar, done, name))
        bar.empty()
        known = (wanted, plan)
        st.session_state[PLAN] = known
    plan_kept: ImportPlan = known[1]
    return plan_kept


def _advance(bar: "st.delta_generator.DeltaGenerator", done: float, name: str) -> None:
    bar.progress(min(1.0, done), name[-60:])


def _stored(library: Library, given: Sequence[UploadedFile]) -> Path:
    """The uploads as one file below the workspace: a zip as it came, single masks packed into one."""
    incoming = library.settings.workspace / "incoming"
    incoming.mkdir(parents=True, exist_ok=True)
    path = incoming / "masks.zip"
    if len(given) == 1 and given[0].name.lower().endswith(".zip"):
        path.write_bytes(given[0].getvalue())
        return path
    if any(item.name.lower().endswith((".zip", ".json", ".csv")) for item in given):
        raise DataError("Choose either masks, or one zip, or one table; not several kinds at once.")
    with zipfile.ZipFile(path, "w") as packed:
        for item in given:
            packed.writestr(PurePath(item.name.replace("\\", "/")).name, item.getvalue())
    return path


def _import_masks(library: Library, plan: ImportPlan) -> None:
    plan = exchange.with_meaning(plan, _asked_meaning(plan))
    st.markdown(f"{plan.n_ok} of {len(plan.rows)} masks fit. {plan.note}")
    rows = [
        {"Mask": row.name, "Frame": row.stem or "–", "Levels": _levels(row.levels), "Problem": row.problem}
        for row in sorted(plan.rows, key=lambda row: row.ok)[:SHOWN_ROWS]
    ]
    st.dataframe(rows, height=220, hide_index=True, width="stretch")
    if st.button("Import", type="primary", key="exchange_import", disabled=not plan.n_ok):
        bar = st.progress(0.0, "Importing")
        report = exchange.run_import(
            plan, library.store, LABEL_SET, author.current(), progress=lambda done, name: _advance(bar, done, name)
        )
        _after_import(report)


def _levels(levels: "dict[int, int] | object") -> str:
    found = list(levels) if isinstance(levels, dict) else []
    return ", ".join(map(str, found[:6])) + (" …" if len(found) > 6 else "")


def _asked_meaning(plan: ImportPlan) -> Meaning | None:
    """Ask what the grey levels mean; None leaves it to the table or the guess."""
    levels = list(plan.levels)
    proposed = plan.meaning
    ways = ["As proposed", "Turned round", "By level", "By threshold"]
    if proposed is None:
        ways = ways[2:]
    elif proposed.threshold is not None:
        ways.remove("Turned round")
    way = st.segmented_control("Levels", ways, default=ways[0], required=True, key="exchange_way")
    if way == "Turned round" and proposed is not None:
        return proposed.inverted()
    if way == "By threshold":
        return Meaning((), (), (), threshold=int(st.number_input("Cloud from this level on", 1, 255, 128)))
    if way != "By level":
        return None
    if len(levels) > 16:
        st.caption(f"The masks hold {len(levels)} levels, too many to name each. Use a threshold.")
        return None
    left, middle, right = st.columns(3)
    before = proposed if proposed is not None and proposed.threshold is None else Meaning((255,), (0,), ())
    cloud = left.multiselect("Cloud", levels, [v for v in levels if v in before.cloud], key="exchange_cloud")
    sky = middle.multiselect("Sky", levels, [v for v in levels if v in before.sky], key="exchange_sky")
    hidden = right.multiselect("Undefined", levels, [v for v in levels if v in before.undefined], key="exchange_hidden")
    return Meaning(tuple(cloud), tuple(sky), tuple(hidden))


def _after_import(report: ImportReport) -> None:
    """Say what came in, what was the same already and what was refused; read the open frame anew."""
    st.success(f"{len(report.saved)} labels imported, {len(report.unchanged)} were the same already.")
    for sentence in report.notes[:20]:
        st.caption(sentence)
    if report.refused:
        st.dataframe([{"Mask": name, "Problem": words} for name, words in report.refused], hide_index=True, height=160)
    st.session_state.pop(PLAN, None)
    session = current_session()
    if session is not None and session.frame.stem in report.saved and not session.is_draft:
        reopen()


@st.dialog(EXPORT)
@error_boundary.in_words
def export_labels(library: Library) -> None:
    """Offer every label of the library's frames as a file to download."""
    n_labels = len(library.store.heads(LABEL_SET))
    count = f"{n_labels} {'label' if n_labels == 1 else 'labels'}"
    st.caption(f"{count}. What is exported imports again to the same masks.")
    form = st.radio("As", FORMATS, key="exchange_form")
    if not n_labels:
        st.info("No labels yet. Paint a frame first.")
        return
    makers: dict[str, tuple[str, str, Callable[[Library], bytes]]] = {
        FORMATS[0]: ("sky-labels.zip", "application/zip", folder_zip),
        FORMATS[1]: ("sky-labels.json", "application/json", coco_json),
        FORMATS[2]: ("sky-labels.csv", "text/csv", kaggle_csv),
    }
    name, mime, make = makers[str(form)]
    st.download_button(
        "Download", lambda: make(library), name, mime, type="primary", key="exchange_download", on_click="ignore"
    )


def folder_zip(library: Library) -> bytes:
    """images/ and masks/ of every labelled frame: a training data folder, zipped."""
    with tempfile.TemporaryDirectory() as place:
        out = Path(place) / "out"
        exchange.export_folder(
            library.store, LABEL_SET, library.frames, out, library.settings.cameras, hash_of=library.hashes.of
        )
        packed = BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
            for path in sorted(out.rglob("*")):
                if path.is_file():
                    archive.write(path, path.relative_to(out).as_posix())
        return packed.getvalue()


def coco_json(library: Library) -> bytes:
    """COCO JSON of every label."""
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "labels.json"
        exchange.export_coco(library.store, LABEL_SET, path, library.frames)
        return path.read_bytes()


def kaggle_csv(library: Library) -> bytes:
    """Kaggle's CSV of every label."""
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "labels.csv"
        exchange.export_kaggle(library.store, LABEL_SET, path)
        return path.read_bytes()
