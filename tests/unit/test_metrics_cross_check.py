"""Our surface distances beside those of MONAI and of DeepMind's surface-distance.

MONAI also takes a mask minus its erosion as surface and, with ``symmetric=True``, averages the distances
of both directions together: the numbers must be the same up to its float32.

surface-distance puts the surface between voxels, into the cubes of eight voxel centres that the surface
crosses, and weights each by its area. Each such cube's middle is half a voxel's diagonal from one of our
surface voxels and the other way about, so the largest distances differ by one diagonal at most. For
the average, the weights allow no such bound; on these masks it differs by up to 0.4 of the smallest
spacing, and half of it is allowed. surface-distance gives one average for each direction, of which the
mean is compared.
"""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from septum.metrics import surface_distances

pytestmark = [
    pytest.mark.filterwarnings("ignore:monai.metrics.utils get_mask_edges:FutureWarning"),
    pytest.mark.filterwarnings("ignore:Please import `.*` from the `scipy.ndimage`:DeprecationWarning"),
]

SPACINGS = [(1.0, 1.0, 1.0), (10.0, 1.4, 1.4), (0.625, 0.625, 0.625), (5.0, 0.7, 1.9)]


def blobs(seed: int, shape: tuple[int, int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Two random masks that overlap in part, some of their voxels at the border of the image."""
    rng = np.random.default_rng(seed)
    smooth = gaussian_filter(rng.normal(size=shape), (1, 3, 3))
    other = smooth + 0.5 * gaussian_filter(rng.normal(size=shape), (1, 3, 3))
    return smooth > 0.02, other > 0.03


@pytest.mark.parametrize("spacing_mm", SPACINGS)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_equals_monai(seed, spacing_mm):
    torch = pytest.importorskip("torch", reason="needs torch and MONAI (dependency group test)")
    monai = pytest.importorskip("monai.metrics", reason="needs torch and MONAI (dependency group test)")
    predicted, truth = blobs(seed, (9, 30, 28))
    one_hot = [torch.from_numpy(np.stack([~m, m])[None].astype(np.float32)) for m in (predicted, truth)]
    ours = surface_distances(predicted, truth, spacing_mm)
    hausdorff = monai.compute_hausdorff_distance(*one_hot, spacing=spacing_mm).item()
    asd = monai.compute_average_surface_distance(*one_hot, symmetric=True, spacing=spacing_mm).item()
    assert ours.hausdorff == pytest.approx(hausdorff, rel=1e-5)
    assert ours.asd == pytest.approx(asd, rel=1e-5)


def test_one_slice_equals_monai_in_two_dimensions():
    torch = pytest.importorskip("torch", reason="needs torch and MONAI (dependency group test)")
    monai = pytest.importorskip("monai.metrics", reason="needs torch and MONAI (dependency group test)")
    predicted, truth = (m[:1] for m in blobs(5, (3, 40, 36)))
    one_hot = [torch.from_numpy(np.stack([~m[0], m[0]])[None].astype(np.float32)) for m in (predicted, truth)]
    ours = surface_distances(predicted, truth, (10.0, 1.4, 1.2))
    hausdorff = monai.compute_hausdorff_distance(*one_hot, spacing=(1.4, 1.2)).item()
    asd = monai.compute_average_surface_distance(*one_hot, symmetric=True, spacing=(1.4, 1.2)).item()
    assert ours.hausdorff == pytest.approx(hausdorff, rel=1e-5)
    assert ours.asd == pytest.approx(asd, rel=1e-5)


@pytest.mark.parametrize("spacing_mm", SPACINGS)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_agrees_with_surface_distance_within_a_voxel(seed, spacing_mm):
    reference = pytest.importorskip("surface_distance", reason="needs the surface-distance package")
    predicted, truth = blobs(seed, (9, 30, 28))
    ours = surface_distances(predicted, truth, spacing_mm)
    theirs = reference.compute_surface_distances(truth, predicted, spacing_mm)
    diagonal = float(np.linalg.norm(spacing_mm))
    assert ours.hausdorff == pytest.approx(reference.compute_robust_hausdorff(theirs, 100), abs=diagonal)
    both_ways = np.mean(reference.compute_average_surface_distance(theirs))
    assert ours.asd == pytest.approx(both_ways, abs=0.5 * min(spacing_mm))
