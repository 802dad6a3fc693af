"""python -m cloudcore samples, gather, svrimg: data folders written."""

import sys
from pathlib import Path
from typing import Annotated, Optional

import typer

from cloudcore.commands import terminal
from cloudcore.errors import CloudcoreError


def samples(folder: Path, seed: Annotated[int, typer.Option(help="Same seed, same bytes", min=0)] = 0) -> None:
    """Write the seeded sample workspace: frames by night and day with exact masks, and a sample night."""
    from cloudcore import samples as cloud_samples

    cloud_samples.write(
        folder, seed=seed, progress=lambda share, text: terminal.progress(round(100 * share), 100, text)
    )
    print(folder)


def gather(
    out: Annotated[Path, typer.Option("--out", help="Folder for the photographs")],
    urls: Annotated[Optional[Path], typer.Option("--urls", help="A file: an address a line, or class, address")] = None,  # noqa: UP045
    source: Annotated[Optional[Path], typer.Option("--from", help="A folder or a zip instead")] = None,  # noqa: UP045
) -> None:
    """Photographs from a list of addresses, a folder or a zip; broken, flat, tiny ones and twins are left out."""
    from cloudcore.photographs import download as gathering

    if (urls is None) == (source is None):
        raise CloudcoreError("Give either --urls FILE or --from PATH.")
    if source is not None:
        found = gathering.copy_all(source, out, terminal.progress)
    else:
        found = gathering.fetch_all(gathering.read_addresses(urls or Path()), out, terminal.progress)
    for address, why in found.refused:
        print(f"left out: {address}: {why}", file=sys.stderr)
    print(f"{len(found.written)} photographs in {out}, {len(found.refused)} left out")
    if not found.written:
        raise typer.Exit(1)


def svrimg(
    source: Annotated[Path, typer.Argument(help="Folder of PNG named by UNID, or a .npy of uint8 pictures")],
    table: Annotated[Path, typer.Option("--classes", help="CSV with UNID, Class Code and Class Name")],
    out: Annotated[Path, typer.Option("--out", help="Folder for a folder per class")],
) -> None:
    """Sort SVRIMG's radar pictures into a folder per class, as the table names them."""
    from cloudcore.radar import svrimg as importing

    report = importing.import_folder(source, table, out, terminal.progress)
    for words in report.left_out:
        print(f"left out: {words}", file=sys.stderr)
    told = ", ".join(f"{name} {count}" for name, count in report.counts.items())
    print(f"{sum(report.counts.values())} pictures in {out}: {told}; {len(report.left_out)} left out")
