"""Every patch of a frame through CloudNet as published, with the work that patches share done once.

In the patch form each convolution pads its patch's map with zeros, so what a map holds at a place of the frame depends
on where that place lies in the patch, but only by its kind: the rows of conv1 are of 5 kinds (two near each end, and
the rest), those of pool1 of 3, conv2 7, pool2 5 and conv3 8; columns likewise. `_kinds` derives this from the pools.

A kind's convolution is a sum over taps, each tap a matrix product of one map, shifted. It is done by columns first and
rows second. Kinds that end in the same run of common neighbours share that run's sum. The maps of a band lie flat,
(places, channels), and keep the frame's resolution: a shift by rows and columns is one offset, whatever the dilation.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

import torch
from torch import Tensor, nn
from torch._higher_order_ops.scan import scan
from torch.nn import functional

from cloudcore.learning.networks.cloudnet import BEFORE, PATCH, WIDTH, CloudNet

TAPS = 5
BAND_PLACES = 16384
"""Places a band aims at: fewer repeat more rows between bands, more need more memory (about 64 kB a place)."""
TILE_HW = (64, 128)
Key = tuple[int, int]


@dataclass(frozen=True)
class _Kind:
    """Positions first..last of a patch's map whose five taps meet the same classes; None is the padding."""

    first: int
    last: int
    taps: tuple[int | None, ...]

    def run(self, common: int) -> range:
        """The longest run of taps, from one end, that meet the common class."""
        last = next((n for n, met in enumerate(reversed(self.taps)) if met != common), TAPS)
        first = next((n for n, met in enumerate(self.taps) if met != common), TAPS)
        return range(TAPS - last, TAPS) if last >= first else range(first)

    def others(self, run: range) -> list[tuple[int, int]]:
        """Tap number and class of the taps outside a run that meet no padding."""
        return [(number, met) for number, met in enumerate(self.taps) if number not in run and met is not None]


@dataclass(frozen=True)
class _Strip:
    """Values (length, channels) of neighbouring places; the first belongs to the flat index start."""

    start: int
    values: Tensor

    def part(self, start: int, length: int) -> Tensor:
        """The values of length places from the flat index start."""
        if (start, length) == (self.start, self.values.shape[0]):
            return self.values  # a graph being exported is spared a node
        return self.values[start - self.start : start - self.start + length]


@dataclass(frozen=True)
class _Span:
    """Places that a map needs: those of a band's first patch position, to be widened to further positions."""

    start: int
    length: int

    def reach(self, first: int, last: int, step: int) -> "_Span":
        """The span for positions first..last that lie step places apart."""
        return _Span(self.start + first * step, self.length + (last - first) * step)


Tap = Callable[[Tensor | None, int, int, _Span, bool], Tensor]


def _kinds(classes: Sequence[int]) -> list[_Kind]:
    """The kinds of a convolution's positions, from the class of each position of its input, in order."""
    padded = [None, None, *classes, None, None]
    seen = [(tuple(padded[at : at + TAPS]), at) for at in range(len(classes))]
    groups = [(taps, [at for _, at in group]) for taps, group in groupby(seen, key=lambda pair: pair[0])]
    return [_Kind(places[0], places[-1], taps) for taps, places in groups]


def _pooled(kinds: Sequence[_Kind], count: int) -> list[Key]:
    """The two kinds under each cell of a 2-wide pool over count positions."""
    at = [number for number, kind in enumerate(kinds) for _ in range(kind.first, kind.last + 1)]
    return [(at[cell], at[cell + 1]) for cell in range(0, count, 2)]


def _ends(classes: Sequence[int], met: int) -> Key:
    """First and last position of a class; classes stand in unbroken runs."""
    first = classes.index(met)
    return first, first + list(classes).count(met) - 1


def _sums(kinds: Sequence[_Kind], common: int, base: _Span, step: int, tap: Tap) -> Iterator[tuple[int, _Strip]]:
    """Each kind's number and its sum over the taps, in the order in which the shared runs grow.

    tap(total, class, tap number, span, own) adds one tap's product over a span, into total itself where own.
    """
    runs = [kind.run(common) for kind in kinds]
    for backwards in (True, False):
        chain, own = _Strip(0, torch.empty(0)), False
        members = [n for n, run in enumerate(runs) if (run.stop == TAPS) == backwards]
        for length in range(1, max((len(runs[n]) for n in members), default=0) + 1):
            users = [n for n in members if len(runs[n]) >= length]
            span = base.reach(kinds[users[0]].first, kinds[users[-1]].last, step)
            total = chain.part(span.start, span.length) if length > 1 else None
            number = TAPS - length if backwards else length - 1
            chain = _Strip(span.start, tap(total, common, number, span, own))
            ready = [n for n in users if len(runs[n]) == length]
            for n in ready:
                yield n, _finish(kinds[n], runs[n], chain, base, step, tap)
            # A run of one may be a view of its input, and a kind without taps of its own keeps the chain's values.
            own = length > 1 and all(kinds[n].others(runs[n]) for n in ready)


def _finish(kind: _Kind, run: range, chain: _Strip, base: _Span, step: int, tap: Tap) -> _Strip:
    """A kind's sum: the shared sum of its run, then its own taps."""
    span = base.reach(kind.first, kind.last, step)
    total, own = chain.part(span.start, span.length), False
    for number, met in kind.others(run):
        total, own = tap(total, met, number, span, own), True
    return _Strip(span.start, total)


def _product(piece: Tensor, matrix: Tensor) -> Tensor:
    """(length, in) @ (in, out). On the CPU as a 1x1 convolution: oneDNN's is up to twice as fast as MKL's product."""
    if piece.device.type != "cpu" or torch.compiler.is_exporting():
        return piece @ matrix
    row = piece[None, None].permute(0, 3, 1, 2)
    return functional.conv2d(row, matrix.t()[:, :, None, None]).permute(0, 2, 3, 1)[0, 0]


def _added(total: Tensor | None, piece: Tensor, own: bool) -> Tensor:
    """total + piece, in total's memory where it is ours; a graph being exported has no memory to reuse."""
    if total is None:
        return piece
    return total.add_(piece) if own and not torch.compiler.is_exporting() else total + piece


class _Level:
    """One convolution and its pool for a band: maps by (row class, column class) in, maps by pooled class out.

    classes holds the class of each input position, dilation the places between neighbouring positions.
    """

    def __init__(self, conv: nn.Conv2d, classes: Sequence[int], dilation: int) -> None:
        self.weight, self.bias = conv.weight.detach(), conv.bias.detach()
        self.classes, self.dilation = list(classes), dilation
        self.common = max(sorted(set(classes)), key=self.classes.count)
        self.kinds = _kinds(classes)
        cells = _pooled(self.kinds, len(classes))
        self.pairs = list(dict.fromkeys(cells))
        self.out_classes = [self.pairs.index(cell) for cell in cells]
        self.row_taps = {met: self._row_taps(met) for met in set(classes)}
        self.matrices = {met: self._matrices(met) for met in set(classes)}

    def _row_taps(self, met: int) -> list[int]:
        """The tap numbers at which some row kind meets a class."""
        return [number for number in range(TAPS) if any(kind.taps[number] == met for kind in self.kinds)]

    def _matrices(self, met: int) -> list[Tensor]:
        """Per column tap (in, row taps of the class * out): one product serves every row tap of the class."""
        taken = self.weight[:, :, self.row_taps[met]]
        return [taken[..., number].permute(1, 2, 0).flatten(1).contiguous() for number in range(TAPS)]

    def __call__(self, maps: dict[Key, _Strip], places: int, width: int) -> dict[Key, _Strip]:
        """Maps of the pooled classes; places is the number of patches of the band, width the places of a row."""
        classes = sorted(set(self.classes))
        columns: dict[int, dict[int, _Strip]] = {}
        for sums in zip(*(self._columns(maps, met, places, width) for met in classes), strict=True):
            column = sums[0][0]
            met_sums = {met: strip for met, (_, strip) in zip(classes, sums, strict=True)}
            columns[column] = self._pool_rows(self._rows(met_sums, column, places, width), column, places, width)
        return self._pool_columns(columns, places, width)

    def _columns(self, maps: dict[Key, _Strip], met: int, places: int, width: int) -> Iterator[tuple[int, _Strip]]:
        """For the rows of one class, each column kind's sum: (length, row taps * out)."""
        down, across = self.dilation * width, self.dilation
        base = _Span(0, places).reach(*_ends(self.classes, met), down)

        def tap(total: Tensor | None, column: int, number: int, span: _Span, own: bool) -> Tensor:
            piece = maps[met, column].part(span.start + (number - 2) * across, span.length)
            matrix = self.matrices[met][number]
            return _added(total, _product(piece, matrix), own)

        return _sums(self.kinds, self.common, base, across, tap)

    def _rows(self, sums: dict[int, _Strip], column: int, places: int, width: int) -> dict[int, _Strip]:
        """For one column kind, each row kind's sum, which is the convolution without its bias."""
        down, out = self.dilation * width, self.weight.shape[0]
        base = _Span(0, places).reach(self.kinds[column].first, self.kinds[column].last, self.dilation)

        def tap(total: Tensor | None, met: int, number: int, span: _Span, own: bool) -> Tensor:
            at = self.row_taps[met].index(number) * out
            piece = sums[met].part(span.start + (number - 2) * down, span.length)[:, at : at + out]
            return _added(total, piece, own)

        return dict(_sums(self.kinds, self.common, base, down, tap))

    def _pool_rows(self, rows: dict[int, _Strip], column: int, places: int, width: int) -> dict[int, _Strip]:
        """The larger of the two row kinds of each pooled class."""
        down, pooled = self.dilation * width, {}
        base = _Span(0, places).reach(self.kinds[column].first, self.kinds[column].last, self.dilation)
        for met, (upper, lower) in enumerate(self.pairs):
            span = base.reach(*_ends(self.out_classes, met), 2 * down)
            above = rows[upper].part(span.start, span.length)
            below = rows[lower].part(span.start + down, span.length)
            pooled[met] = _Strip(span.start, torch.maximum(above, below))
        return pooled

    def _pool_columns(self, columns: dict[int, dict[int, _Strip]], places: int, width: int) -> dict[Key, _Strip]:
        """The larger of the two column kinds of each pooled class, then bias and ReLU."""
        down, across, pooled = self.dilation * width, self.dilation, {}
        for met in range(len(self.pairs)):
            base = _Span(0, places).reach(*_ends(self.out_classes, met), 2 * down)
            for column, (left, right) in enumerate(self.pairs):
                span = base.reach(*_ends(self.out_classes, column), 2 * across)
                before = columns[left][met].part(span.start, span.length)
                after = columns[right][met].part(span.start + across, span.length)
                pooled[met, column] = _Strip(span.start, torch.maximum(before, after).add_(self.bias).relu_())
        return pooled


class _Band:
    """The weights laid out for bands; a band (rows + 31, W + 31, 3) -> logits (rows, W)."""

    def __init__(self, net: CloudNet) -> None:
        self.levels = [_Level(net.conv1, [0] * PATCH, 1)]
        for conv, dilation in ((net.conv2, 2), (net.conv3, 4)):
            self.levels.append(_Level(conv, self.levels[-1].out_classes, dilation))
        self.first = net.fc1.weight.detach().view(-1, WIDTH, 4, 4).permute(2, 3, 1, 0).contiguous()
        self.first_bias = net.fc1.bias.detach()
        self.second, self.second_bias = net.fc2.weight.detach().t(), net.fc2.bias.detach()
        weight, bias = net.difference()
        self.last, self.last_bias = weight.detach(), bias.detach()

    def __call__(self, band: Tensor) -> Tensor:
        rows, width = band.shape[0] - PATCH + 1, band.shape[1]
        places = rows * width - PATCH + 1
        maps: dict[Key, _Strip] = {(0, 0): _Strip(0, band.reshape(-1, band.shape[2]))}
        for level in self.levels:
            maps = level(maps, places, width)
        hidden: Tensor | None = None
        for (row, column), cell in maps.items():
            cut = cell.part(8 * (row * width + column), places)
            hidden = _added(hidden, _product(cut, self.first[row, column]), own=hidden is not None)
        hidden = _product(functional.relu(_added(hidden, self.first_bias, own=True)), self.second)
        logits = functional.linear(functional.relu(hidden + self.second_bias), self.last, self.last_bias)[:, 0]
        return functional.pad(logits, (0, PATCH - 1)).view(rows, width)[:, : width - PATCH + 1]


def _around(x: Tensor, below: int = 0, right: int = 0) -> Tensor:
    """Frames (N, 3, H, W) with the patches' surroundings, edges repeated: (N, H + 31 + below, W + 31 + right, 3)."""
    after = PATCH - BEFORE - 1
    padded = functional.pad(x, (BEFORE, after + right, BEFORE, after + below), mode="replicate")
    return padded.permute(0, 2, 3, 1).contiguous()


def exact_logits(net: CloudNet, x: Tensor, valid: Tensor | None = None, rows: int | None = None) -> Tensor:
    """logit(cloud) - logit(sky) of every pixel's own patch: x (N, 3, H, W) float32 -> (N, 1, H, W).

    The same numbers as `net.forward_patches` on each 32x32 patch (rows i - 16 .. i + 15), up to rounding, for weights
    trained on patches. Beyond the frame its edge pixels are repeated. Where valid, bool (H, W), is False, a pixel may
    be left out and is -inf, never cloud: a dome takes 70 % of its frame's time. Work goes in bands of rows (None: as
    many as suit the cache; a 512x512 frame stays below 2 GB). No gradients; always in the precision of the weights.
    """
    (_, _, height, width), padded = x.shape, _around(x)
    wanted = rows or max(4, BAND_PLACES // (width + PATCH - 1))
    count = -(-height // wanted)
    tops = [height * number // count for number in range(count + 1)]
    out = x.new_full((x.shape[0], 1, height, width), -torch.inf)
    with torch.no_grad(), torch.autocast(x.device.type, enabled=False):
        band = _Band(net)
        for top, bottom in pairwise(tops):
            columns = range(width) if valid is None else valid[top:bottom].any(0).nonzero().flatten().tolist()
            if not columns:
                continue
            left, right = columns[0], columns[-1] + 1
            for frame, logits in zip(padded, out, strict=True):
                strip = frame[top : bottom + PATCH - 1, left : right + PATCH - 1]
                logits[0, top:bottom, left:right] = band(strip)
    return out


class PatchCloudNet(nn.Module):
    """The exact evaluation as one module that can be exported, for any number of frames of any height and width.

    Frames are cut into tiles of one size (TILE_HW), and the graph holds the loop over them: memory stays a tile's, and
    the thousand slices within a tile have fixed sizes. Slower than `exact_logits` on a frame smaller than a tile.
    """

    def __init__(self, net: CloudNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor) -> Tensor:
        """Normalised frames (N, 3, H, W) -> logit(cloud) - logit(sky) of every pixel's own patch, (N, 1, H, W)."""
        frames, _, height, width = x.shape
        tall, wide = TILE_HW
        padded = _around(x, -height % tall, -width % wide)
        tiles = padded.unfold(1, tall + PATCH - 1, tall).unfold(2, wide + PATCH - 1, wide).permute(0, 1, 2, 4, 5, 3)
        band = _Band(self.net)

        def step(carry: Tensor, tile: Tensor) -> tuple[Tensor, Tensor]:
            return carry.clone(), band(tile)

        _, logits = scan(step, x.new_zeros(1), tiles.flatten(0, 2))
        grid = logits.reshape(frames, tiles.shape[1], tiles.shape[2], tall, wide).transpose(2, 3)
        return grid.reshape(frames, 1, tiles.shape[1] * tall, tiles.shape[2] * wide)[:, :, :height, :width]
