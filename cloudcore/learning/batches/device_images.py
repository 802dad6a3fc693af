"""Pictures held on a device as uint8, and the moved, scaled and turned views of them that a network learns from.

What is drawn at random comes from the caller; the pixels are read and moved where they are held.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

SHARE = 0.5
"""Pictures take at most this share of the memory that is free on a GPU; more than that stays with the processor."""

Matrices = NDArray[np.float64]
"""(N, 2, 3) each: from px (x, y) of a picture to px of its view, as OpenCV writes affine maps."""


class Held:
    """Pictures of several sizes, each (h, w) or (h, w, C) uint8, in one tensor (N, C, H, W) padded below and right."""

    def __init__(self, pictures: Sequence[NDArray[np.uint8]], place: torch.device | str, fill: int = 0) -> None:
        first = pictures[0]
        height, width = (max(picture.shape[axis] for picture in pictures) for axis in (0, 1))
        whole = np.full((len(pictures), height, width, *first.shape[2:]), fill, np.uint8)
        for row, picture in zip(whole, pictures, strict=True):
            row[: picture.shape[0], : picture.shape[1]] = picture
        together = torch.from_numpy(whole)
        together = together.permute(0, 3, 1, 2) if first.ndim == 3 else together[:, None]
        self.place, self.fill = torch.device(place), fill
        self.tensor = hold(together, self.place)

    def views(self, chosen: Sequence[int], matrices: Matrices, out_hw: tuple[int, int], *, nearest: bool = False,
              border: str = "zeros", finer: int = 1) -> Tensor:  # fmt: skip
        """float32 (n, C, h, w) on the device, 0..255: a view of each chosen picture.

        border: "zeros" (the fill value), "border" or "reflection"; finer: read at so many times the size and averaged,
        for views much smaller than what they show.
        """
        x = rows(self.tensor, chosen, self.place).float()
        moved = warp(x - self.fill, matrices, out_hw, nearest=nearest, border=border, finer=finer)
        return moved + self.fill


def warp(x: Tensor, matrices: Matrices, out_hw: tuple[int, int], *, nearest: bool = False, border: str = "zeros",
         finer: int = 1) -> Tensor:  # fmt: skip
    """Views of x (N, C, H, W): float32 (N, C, h, w). matrices lead from px of x to px of the view, pixel centres whole.

    Reads what cv2.warpAffine would, between pixels linearly without its rounding to 1/32 px.
    """
    whole = np.concatenate([matrices, np.broadcast_to([[[0.0, 0.0, 1.0]]], (len(matrices), 1, 3))], axis=1)
    back = torch.from_numpy(np.linalg.inv(whole)[:, :2].astype(np.float32)).to(x.device)
    (height, width), (rows, columns) = x.shape[-2:], out_hw
    y = (torch.arange(rows * finer, device=x.device) + 0.5) / finer - 0.5
    z = (torch.arange(columns * finer, device=x.device) + 0.5) / finer - 0.5
    down, right = torch.meshgrid(y, z, indexing="ij")
    spots = torch.stack([right, down, torch.ones_like(right)], dim=-1)
    found = torch.einsum("nij,hwj->nhwi", back, spots)
    grid = (found + 0.5) * torch.tensor([2 / width, 2 / height], device=x.device) - 1
    mode = "nearest" if nearest else "bilinear"
    seen = functional.grid_sample(x.float(), grid, mode, border, align_corners=False)
    return functional.avg_pool2d(seen, finer) if finer > 1 else seen


def hold(whole: Tensor, place: torch.device | str) -> Tensor:
    """The tensor on the device where it takes no more than SHARE of the free memory there, else where it is."""
    there = torch.device(place)
    if there.type == "cuda" and whole.nbytes >= SHARE * torch.cuda.mem_get_info(there)[0]:
        return whole
    return whole.to(there)


def rows(whole: Tensor, chosen: Sequence[int], place: torch.device | str) -> Tensor:
    """Some rows of a tensor, on the device, wherever the tensor is."""
    return whole[torch.as_tensor(np.asarray(chosen), device=whole.device)].to(place)


def unpacked(packed: Tensor, width: int) -> Tensor:
    """Bits of uint8 (..., ceil(width / 8)), highest first, as uint8 (..., width) of 0 and 1: numpy's unpackbits."""
    places = torch.arange(7, -1, -1, device=packed.device, dtype=torch.uint8)
    return ((packed[..., None] >> places) & 1).flatten(-2)[..., :width]
