"""Mask R-CNN (He et al. 2017), slice by slice, as torchvision builds it: a comparator, and an optional extra.

ResNet-50 with a feature pyramid, without pretrained weights, so that nothing is ever downloaded. Without them
torchvision trains all layers, and its batch normalisation is the usual one (``BatchNorm2d``): frozen
statistics mean nothing where none were learned. Its transform (resizing, ImageNet's mean and deviation) is
left out: slices keep their size, and the normalisation of their volume.
"""

from __future__ import annotations

import math
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from septum.core import MissingExtraError
from septum.methods.mask_rcnn_instances import best_instances, merge_instances, slice_targets

if TYPE_CHECKING:
    from septum.methods.mask_rcnn_settings import MaskRCNNSettings

#: Height over width of the anchors, as published.
ASPECT_RATIOS = (0.5, 1.0, 2.0)


@cache
def unavailable() -> str | None:
    """One sentence on why Mask R-CNN cannot run here and what to install; ``None`` if it can.

    A torchvision that was built for another torch is there, and fails only when it is imported: with
    RuntimeError or AttributeError where its operators are missing, with ImportError (or OSError) where its
    libraries are.
    """
    try:
        found = version("torchvision")
    except PackageNotFoundError:
        return "Mask R-CNN needs torchvision, which is not installed; run pip install 'septum[mask-rcnn]'."
    try:
        _detection()
    except (ImportError, RuntimeError, AttributeError, OSError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
        return (
            f"Mask R-CNN needs torchvision, and torchvision {found} does not load beside torch "
            f"{torch.__version__} ({reason}); install the pair from one index, as pytorch.org tells."
        )
    return None


class SliceMaskRCNN(nn.Module):
    """Mask R-CNN on the slices of a volume.

    A slice is given as three equal channels, so that the network stays torchvision's own; its first
    convolution adds them up, which is a convolution of one channel.

    Attributes:
        settings: what the network was built from.
        multiple: the size along (Z, Y, X) must be a multiple of this.
        detector: torchvision's ``MaskRCNN``.

    Raises:
        MissingExtraError: torchvision is missing, or does not load.
    """

    def __init__(self, settings: MaskRCNNSettings) -> None:
        super().__init__()
        reason = unavailable()
        if reason is not None:
            raise MissingExtraError(reason)
        self.settings = settings
        self.multiple = (1, 32, 32)
        detection = _detection()
        sizes = tuple((size,) for size in settings.anchor_sizes)
        self.detector: Any = detection.maskrcnn_resnet50_fpn(
            weights=None,
            weights_backbone=None,
            num_classes=settings.out_channels,
            rpn_anchor_generator=detection.anchor_utils.AnchorGenerator(sizes, (ASPECT_RATIOS,) * len(sizes)),
            box_score_thresh=settings.score_threshold,
            box_batch_size_per_image=settings.proposals_per_slice,
        )

    def forward(self, image: Tensor) -> Tensor:
        """Log-probabilities of the classes; only in evaluation mode, since training compares instances.

        Args:
            image: (N, 1, Z, Y, X).

        Returns:
            (N, K, Z, Y, X), as :func:`merge_instances` makes them.

        Raises:
            ValueError: the network is in training mode.
        """
        if self.training:
            raise ValueError("Mask R-CNN gives logits in evaluation mode only; call eval() first")
        count, size = self.settings.out_channels, (image.shape[3], image.shape[4])
        logits = []
        for part in torch.split(_slices(image), self.settings.slices_at_once):
            detections, _ = self._heads(part, None)
            logits.append(merge_instances(*best_instances(detections, count, size)))
        volumes = torch.cat(logits).view(image.shape[0], image.shape[2], count, *size)
        return volumes.movedim(1, 2)

    def losses(self, slices: Tensor, classes: Tensor) -> Tensor:
        """Sum of the five losses (two of the proposals; class, box and mask), each a mean over the slices.

        Args:
            slices: (S, 1, Y, X).
            classes: (S, Y, X) class indices.
        """
        _, losses = self._heads(slices, slice_targets(classes, self.settings.out_channels))
        return torch.stack(list(losses.values())).sum()

    def _heads(
        self, slices: Tensor, targets: list[dict[str, Tensor]] | None
    ) -> tuple[list[dict[str, Tensor]], dict[str, Tensor]]:
        """Instances of each slice in evaluation, losses in training.

        The backbone runs under the caller's autocast, all that computes with boxes in float32: in bfloat16 a
        box that ends at voxel 200 could not tell it from 200.5.
        """
        detector = self.detector
        features = detector.backbone(slices.expand(-1, 3, -1, -1))
        with torch.autocast(slices.device.type, enabled=False):
            features = {level: values.float() for level, values in features.items()}
            sizes = [(slices.shape[2], slices.shape[3])] * len(slices)
            images = _detection().image_list.ImageList(slices, sizes)
            proposals, proposal_losses = detector.rpn(images, features, targets)
            detections, losses = detector.roi_heads(features, proposals, sizes, targets)
        return detections, {**proposal_losses, **losses}


def training_objective(network: SliceMaskRCNN, image: Tensor, classes: Tensor) -> Tensor:
    """Torchvision's five losses, summed, over all slices of a batch.

    Slices go through the network ``slices_at_once`` at a time, each part with slices of all volumes. The
    gradient of a part is taken as soon as its losses are known, so that only one part's activations are in
    memory; the scalar that is returned brings the sum of the gradients to the parameters, and to nothing
    else. Which anchors and proposals count is drawn by torchvision from torch's global generator, which the
    caller seeds.

    Args:
        network: in training mode.
        image: (N, 1, Z, Y, X).
        classes: (N, Z, Y, X) class indices, 0 background.

    Raises:
        ValueError: the network is in evaluation mode, in which torchvision computes no losses.
    """
    if not network.training:
        raise ValueError("Mask R-CNN has losses in training mode only; call train() first")
    slices, labels = _slices(image), classes.flatten(0, 1)
    parts = math.ceil(len(slices) / network.settings.slices_at_once)
    parameters = list(network.parameters())
    total = torch.zeros((), device=image.device)
    gradients = [torch.zeros_like(p) for p in parameters]
    for i in range(parts):
        part = slices[i::parts]
        loss = network.losses(part, labels[i::parts]) * (len(part) / len(slices))
        if torch.is_grad_enabled():
            taken = torch.autograd.grad(loss, parameters, materialize_grads=True)
            gradients = [gradient + more for gradient, more in zip(gradients, taken, strict=True)]
        total += loss.detach()
    return _Taken.apply(total, gradients, *parameters)  # type: ignore[no-untyped-call]


class _Taken(torch.autograd.Function):
    """A value whose gradients are known already."""

    @staticmethod
    def forward(ctx: Any, value: Tensor, gradients: list[Tensor], *_: Tensor) -> Tensor:
        ctx.gradients = gradients
        return value.clone()

    @staticmethod
    def backward(ctx: Any, *outer: Tensor) -> tuple[Tensor | None, ...]:
        return (None, None, *(outer[0] * gradient for gradient in ctx.gradients))


def _slices(image: Tensor) -> Tensor:
    """(N, 1, Z, Y, X) to (N Z, 1, Y, X)."""
    return image.movedim(2, 1).flatten(0, 1).contiguous()


def _detection() -> Any:
    """Torchvision's detection models, loaded when they are asked for."""
    from torchvision.models import detection  # noqa: PLC0415  # an optional extra, slow to load

    return detection
