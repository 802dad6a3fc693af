"""Pictures on a device as uint8, and the moved, scaled and turned views of them that a network learns from.

The caller draws what is random; pixels are read and warped on the device.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

MEMORY_SHARE = 0.5
"""Pictures take at most this share of the free memory of a GPU; a larger set stays in main memory."""

Matrices = NDArray[np.float64]
"""(N, 2, 3) each: from px (x, y) of a picture to px of its view, as OpenCV writes affine maps."""


class DeviceImages:
    """Pictures of several sizes, each (h, w) or (h, w, C) uint8, in one tensor (N, C, H, W) padded below and right."""

    def __init__(self, pictures: Sequence[NDArray[np.uint8]], device: torch.device | str, fill: int = 0) -> None:
        first = pictures[0]
        height, width = (max(picture.shape[axis] for picture in pictures) for axis in (0, 1))
        whole = np.full((len(pictures), height, width, *first.shape[2:]), fill, np.uint8)
        for row, picture in zip(whole, pictures, strict=True):
            row[: picture.shape[0], : picture.shape[1]] = picture
        together = torch.from_numpy(whole)
        together = together.permute(0, 3, 1, 2) if first.ndim == 3 else together[:, None]
        self.device, self.fill = torch.device(device), fill
        self.tensor = to_device(together, self.device)

    def views(
        self,
        chosen: Sequence[int],
        matrices: Matrices,
        out_hw: tuple[int, int],
        *,
        nearest: bool = False,
        border: str = "zeros",
        finer: int = 1,
    ) -> Tensor:
        """float32 (n, C, h, w) on the device, 0..255: a view of each chosen picture.

        border: "zeros" (the fill value), "border" or "reflection"; finer: read at so many times the size and averaged,
        for views much smaller than what they show.
        """
        x = take_rows(self.tensor, chosen, self.device).float()
        moved = warp(x - self.fill, matrices, out_hw, nearest=nearest, border=border, finer=finer)
        return moved + self.fill


def warp(
    x: Tensor,
    matrices: Matrices,
    out_hw: tuple[int, int],
    *,
    nearest: bool = False,
    border: str = "zeros",
    finer: int = 1,
) -> Tensor:
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


def to_device(whole: Tensor, device: torch.device | str) -> Tensor:
    """The tensor on the device where it takes less than MEMORY_SHARE of the free memory there, else where it is."""
    target = torch.device(device)
    if target.type == "cuda" and whole.nbytes >= MEMORY_SHARE * torch.cuda.mem_get_info(target)[0]:
        return whole
    return whole.to(target)


def take_rows(whole: Tensor, chosen: Sequence[int], device: torch.device | str) -> Tensor:
    """Some rows of a tensor of any device, on the device named."""
    return whole[torch.as_tensor(np.asarray(chosen), device=whole.device)].to(device)


def unpack_bits(packed: Tensor, width: int) -> Tensor:
    """Bits of uint8 (..., ceil(width / 8)), highest first, as uint8 (..., width) of 0 and 1: numpy's unpackbits."""
    bits = torch.arange(7, -1, -1, device=packed.device, dtype=torch.uint8)
    return ((packed[..., None] >> bits) & 1).flatten(-2)[..., :width]
