"""Where things are: one frozen object read from the environment."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Settings:
    """Folders and addresses the whole house uses.

    workspace holds images, runs, models, cameras and samples; labels is the label store's root; database_url names a
    shared database for labels (None: SQLite under labels); real_data is a folder of real frames for tests and training.
    """

    workspace: Path = Path("workspace")
    labels: Path = Path("labels")
    database_url: str | None = None
    real_data: Path | None = None

    @property
    def images(self) -> Path:
        """Frames a person put there."""
        return self.workspace / "images"

    @property
    def runs(self) -> Path:
        """Run folders and nothing else."""
        return self.workspace / "runs"

    @property
    def models(self) -> Path:
        """Named models made from runs."""
        return self.workspace / "models"

    @property
    def samples(self) -> Path:
        """The seeded sample workspace."""
        return self.workspace / "samples"

    @property
    def hashes(self) -> Path:
        """Hashes of frames, by which labels know their pictures; a cache."""
        return self.workspace / "cache" / "hashes.sqlite"

    @property
    def cameras(self) -> Path:
        """Dome, horizon mask and default model of each camera and exposure."""
        return self.workspace / "cameras"


def load(environ: Mapping[str, str] | None = None) -> Settings:
    """Settings from CLOUDCORE_WORKSPACE, CLOUDCORE_LABELS, CLOUDCORE_DATABASE_URL and CLOUDCORE_REAL_DATA.

    Unset or empty variables mean the defaults. Paths are made absolute, so a later change of directory moves nothing.
    """
    env = os.environ if environ is None else environ
    real = env.get("CLOUDCORE_REAL_DATA", "")
    return Settings(
        workspace=Path(env.get("CLOUDCORE_WORKSPACE") or "workspace").absolute(),
        labels=Path(env.get("CLOUDCORE_LABELS") or "labels").absolute(),
        database_url=env.get("CLOUDCORE_DATABASE_URL") or None,
        real_data=Path(real).absolute() if real else None,
    )
