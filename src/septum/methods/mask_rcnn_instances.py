"""Between class masks and instances, slice by slice: what Mask R-CNN learns from, and what it is read as.

Boxes are (x0, y0, x1, y1) in voxels, whole numbers at voxel centres, as torchvision's RoIAlign reads them: a
box around voxels 3 to 5 runs from 2.5 to 5.5. S counts slices and K classes, background included; M is the
side of the mask that the network gives for a box.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional as F

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: A voxel lies inside an instance where its mask probability exceeds this.
INSIDE = 0.5

#: Probabilities are kept this far from 0 and 1. Without a bound, a slice in which no instance was found would
#: outweigh any neighbour when logits are interpolated between slices.
FLOOR = 0.01

#: Of the winner's probability, the most that another instance at the same voxel is given.
RUNNER_UP = 0.999


def slice_targets(classes: Tensor, count: int) -> list[dict[str, Tensor]]:
    """One box, label and mask for each class present in each slice.

    Args:
        classes: (S, Y, X) class indices, 0 background.
        count: K; indices run to K - 1.

    Returns:
        For each slice ``boxes`` (n, 4) float32, ``labels`` (n,) int64 and ``masks`` (n, Y, X) uint8. A slice
        without any structure has n = 0: an image in which everything that is found is wrong.
    """
    index = torch.arange(1, count, device=classes.device)
    masks = classes[:, None] == index.view(1, -1, 1, 1)
    y0, y1 = _ends(masks.any(dim=3))
    x0, x1 = _ends(masks.any(dim=2))
    boxes = torch.stack([x0, y0, x1, y1], dim=2)  # (S, K - 1, 4)
    present = masks.any(dim=3).any(dim=2)
    return [
        {"boxes": boxes[s, here], "labels": index[here], "masks": masks[s, here].to(torch.uint8)}
        for s, here in enumerate(present)
    ]


def best_instances(
    detections: Sequence[Mapping[str, Tensor]], count: int, size: tuple[int, int]
) -> tuple[Tensor, Tensor]:
    """The best-scoring instance of each class in each slice.

    Args:
        detections: for each slice ``boxes`` (n, 4), ``labels`` (n,), ``scores`` (n,) and ``masks``
            (n, 1, M, M) with mask probabilities.
        count: K.
        size: (Y, X) of the slices.

    Returns:
        Scores (S, K - 1) and mask probabilities (S, K - 1, Y, X); both 0 for a class that was not found.
    """
    like = detections[0]["masks"]
    scores = like.new_zeros(len(detections), count - 1)
    masks = like.new_zeros(len(detections), count - 1, *size)
    for s, found in enumerate(detections):
        for label in range(1, count):
            candidates = torch.nonzero(found["labels"] == label).flatten()
            if len(candidates) == 0:
                continue
            best = candidates[found["scores"][candidates].argmax()]
            scores[s, label - 1] = found["scores"][best]
            masks[s, label - 1] = paste(found["masks"][best], found["boxes"][best][None], size)[0]
    return scores, masks


def paste(masks: Tensor, boxes: Tensor, size: tuple[int, int]) -> Tensor:
    """Mask probabilities of boxes, read at the voxels of the slice.

    The inverse of RoIAlign, from which training takes its mask targets: linear between the middles of the
    M x M cells, falling to 0 at the box's sides. torchvision's own pasting rounds boxes to whole voxels and
    widens them, which costs a thin ring more than a tenth of its Dice even where box and mask are perfect.

    Args:
        masks: (n, M, M).
        boxes: (n, 4).
        size: (Y, X) of the slice.

    Returns:
        (n, Y, X).
    """
    y, x = (torch.arange(length, dtype=boxes.dtype, device=boxes.device) for length in size)
    x0, y0, x1, y1 = (side[:, None] for side in boxes.unbind(dim=1))
    across = 2 * (x - x0) / (x1 - x0) - 1  # (n, X), -1 to 1 inside the box
    down = 2 * (y - y0) / (y1 - y0) - 1  # (n, Y)
    shape = (len(boxes), *size)
    grid = torch.stack([across[:, None].expand(shape), down[:, :, None].expand(shape)], dim=3)
    return F.grid_sample(masks[:, None], grid, align_corners=False)[:, 0]


def merge_instances(scores: Tensor, masks: Tensor) -> Tensor:
    """One class a voxel from one instance a class, as log-probabilities.

    A voxel belongs to the instance with the highest product of score and mask probability among those whose
    mask probability exceeds :data:`INSIDE`, and to the background where there is none. The values say the
    same: the winner has its mask probability, the background what is left to 1, other instances there the
    winner's in the ratio of the products; then all are divided by their sum.

    Args:
        scores: (S, K - 1), 0 to 1; 0 for a class that was not found.
        masks: (S, K - 1, Y, X), 0 to 1.

    Returns:
        (S, K, Y, X) float32, background first; the largest value is that of the decision.
    """
    scores = scores.float()[:, :, None, None]
    masks = torch.where(scores > 0, masks.float(), 0.0)
    inside = masks > INSIDE
    product = torch.where(inside, scores * masks, 0.0)
    highest, winner = product.max(dim=1, keepdim=True)
    bounded = masks.clamp(FLOOR, 1 - FLOOR)
    own = bounded.gather(1, winner)
    share = (product / highest.clamp_min(torch.finfo(product.dtype).tiny)).clamp_max(RUNNER_UP)
    overlapped = torch.where(inside, own * share, torch.minimum(bounded, 1 - own)).scatter(1, winner, own)
    decided = highest > 0
    foreground = torch.where(decided, overlapped, bounded)
    background = torch.where(decided, 1 - own, 1 - bounded.amax(dim=1, keepdim=True))
    weights = torch.cat([background, foreground], dim=1).clamp_min(FLOOR)
    return (weights / weights.sum(dim=1, keepdim=True)).log()


def _ends(occupied: Tensor) -> tuple[Tensor, Tensor]:
    """Outer sides of the first and the last occupied position along the last axis."""
    length = occupied.shape[-1]
    places = torch.arange(length, dtype=torch.float32, device=occupied.device)
    first = torch.where(occupied, places, float(length)).amin(dim=-1)
    last = torch.where(occupied, places, -1.0).amax(dim=-1)
    return first - 0.5, last + 0.5
