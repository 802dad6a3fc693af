"""The history of a run as TensorBoard events, for people who have it open: <run>/tensorboard."""

from collections.abc import Iterable, Mapping
from typing import Any

from cloudcore import images, runs

_SIDE = ("epoch", "learning_rate", "images_per_second", "seconds", "train_loss", "valid_loss")


class Board:
    """Writes scalars a step and an epoch, and the worst and best validation samples as pictures.

    A resumed run writes into a new file beside the old ones; what they hold from `first` (epochs done) on counts no
    more.
    """

    def __init__(self, run: runs.Run, first: int) -> None:
        from tensorboardX import SummaryWriter

        # the name of a file holds its second only: two starts within one would share it
        self.writer = SummaryWriter(
            str(run.folder / "tensorboard"), purge_step=first + 1 if first else None, filename_suffix=f".{first:05d}"
        )

    def step(self, number: int, loss: float) -> None:
        """The training loss of a step, numbered from 1 over the whole run."""
        self.writer.add_scalar("step/loss", loss, number)

    def epoch(self, row: Mapping[str, Any], shown: Iterable[tuple[str, images.Image]]) -> None:
        """A row of history and its pictures (H, W, 3) by name."""
        number = int(row["epoch"])
        named = {name: f"score/{name}" for name in row if name not in _SIDE}
        named |= {"train_loss": "loss/train", "valid_loss": "loss/validation", "learning_rate": "learning_rate"}
        named["images_per_second"] = "images_per_second"
        for name, tag in named.items():
            if row.get(name) is not None:
                self.writer.add_scalar(tag, row[name], number)
        for name, picture in shown:
            self._picture(f"samples/{name}", picture, number)
        self.writer.flush()

    def _picture(self, tag: str, picture: images.Image, number: int) -> None:
        """A picture as PNG by OpenCV: the writer's own way by Pillow takes 50 ms where this takes 5."""
        from tensorboardX.proto.summary_pb2 import Summary

        height, width, channels = picture.shape
        image = Summary.Image(
            height=height, width=width, colorspace=channels, encoded_image_string=images.encode_png(picture)
        )
        self.writer.file_writer.add_summary(Summary(value=[Summary.Value(tag=tag, image=image)]), number)

    def close(self) -> None:
        """Write what is left."""
        self.writer.close()
