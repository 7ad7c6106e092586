"""How much work a run does, counted and not timed: what makes it slower on any machine is noticed on all.

Each ceiling says what was counted when it was written. A change that goes beyond one on purpose raises it.
"""

from __future__ import annotations

import numpy as np
import pytest
from work import multiply_adds

from septum.inference import ModelOptions, load_model, open_bundle
from septum.inference.model import LOCALISED_FRAMES
from septum.inference.out_of_distribution import foreground_of
from septum.inference.postprocessing import postprocess
from septum.inference.steps import paste_back
from septum.io import nifti, read_study, reading, write_image
from septum.localisation import largest_component
from septum.localisation.region import locate, scaled
from septum.phantom import PhantomSettings, beating_heart
from septum.preprocessing import prepare, resample
from septum.preprocessing.intensity import clip_to_percentiles, percentile, zscore
from septum.workflows import lazy_model
from septum.workflows.lazy_model import LazyModel
from septum.workflows.segment import segment_inputs
from support.work import Engines, Passes, in_a_fresh_process

FRAMES, SLICES = 6, 7
SMALL = PhantomSettings(
    frames=FRAMES, slices=SLICES, matrix=(104, 112), in_plane_mm=2.0, slice_spacing_mm=12.0
)
#: Image (N, C, Z, Y, X) for which multiply-adds are counted.
SHAPE = (1, 1, 16, 128, 128)
#: Loading any of these takes longer than the first network runs.
SLOW_TO_LOAD = {
    "highdicom", "matplotlib", "nibabel", "PIL", "pydicom", "rich", "scipy", "skimage", "torch", "trimesh",
}  # fmt: skip


@pytest.fixture(scope="module")
def cine():
    return beating_heart(np.random.default_rng(0), SMALL).cine


@pytest.fixture
def source(cine, tmp_path):
    write_image(tmp_path / "cine.nii.gz", cine)
    return tmp_path / "cine.nii.gz"


@pytest.mark.parametrize(
    ("model", "stage", "ceiling"),
    [
        ("cine", "localiser", 5.1e9),  # 5.05
        ("cine", "segmenter", 20.2e9),  # 20.16
        ("la", "localiser", 7.3e9),  # 7.20
        ("la", "segmenter", 9.5e9),  # 9.40
    ],
)
def test_multiply_adds_of_a_shipped_graph(model, stage, ceiling):
    bundle = open_bundle(model)
    found = multiply_adds(bundle.graph(getattr(bundle.manifest, stage)), SHAPE)
    assert ceiling / 2 < found <= ceiling, "far below: state the lower ceiling"


def test_a_folder_takes_one_model_and_two_compilations(monkeypatch, cine, tmp_path):
    engines, loads, load = Engines(monkeypatch), [], lazy_model.Model
    monkeypatch.setattr(lazy_model, "Model", lambda *a, **b: loads.append(a) or load(*a, **b))
    write_image(tmp_path / "data" / "cine.nii.gz", cine)
    for name in ("one", "two"):
        write_image(tmp_path / "data" / f"{name}.nii.gz", type(cine)(cine.array[:1], cine.geometry))
    report = segment_inputs(
        [tmp_path / "data"], tmp_path / "out", model=LazyModel("cine", ModelOptions(threads=1))
    )
    assert len(report.results) == 3
    assert len(loads) == 1
    assert sorted(engines.compiled) == ["localiser", "segmenter"]


def test_networks_run_once_a_frame_and_the_localiser_in_a_few_on_real_slices_only(monkeypatch, cine):
    engines = Engines(monkeypatch)
    frames = list(load_model("cine", threads=1).segment_frames(cine))
    assert not any(frame.localisation.enlarged for frame in frames), "the phantom's region fits"
    assert len(engines.saw["segmenter"]) == FRAMES
    assert len(engines.saw["localiser"]) == LOCALISED_FRAMES == 4
    assert {shape[0] for shapes in engines.saw.values() for shape in shapes} == {SLICES}
    region = frames[0].localisation.region
    assert set(engines.saw["segmenter"]) == {region.size}, "the region, and not a voxel more"


def test_passes_over_whole_frames(monkeypatch, cine):
    t, coarse = FRAMES, LOCALISED_FRAMES
    # Prepared are frames for the segmenter, and some for the localiser; of both, what is brought to the
    # working grid counts too. Logits of the region have more voxels than a frame, and count as one.
    ceilings = {
        prepare: t + coarse,  # as many
        resample: 2 * t + coarse,  # as many: prepared, and logits pasted back
        clip_to_percentiles: t,  # as many; the localiser's grid is smaller than a frame
        percentile: 2 * t + coarse + 1,  # as many: two to clip by, one of each density and of all joined
        zscore: 2 * t,  # as many: the frame, and the region
        locate: 1,  # as many
        scaled: 1,  # as many
        largest_component: t + 1,  # as many: of the logits in the region, and of the density
        foreground_of: t,  # as many
        paste_back: t,  # as many
        postprocess: t,  # as many
    }
    model = load_model("cine", threads=1)
    passes = Passes(monkeypatch, list(ceilings), voxels=cine.array[0].size)
    assert len(list(model.segment_frames(cine))) == t
    limits = {function.__name__: ceiling for function, ceiling in ceilings.items()}
    beyond = {name: calls for name, calls in passes.calls.items() if calls == 0 or calls > limits[name]}
    assert beyond == {}, "more calls than the ceiling, or none, so that the ceiling holds nothing"


def test_a_file_is_unpacked_once_and_hashed_once(monkeypatch, cine, source):
    unpacked, hashed = [], []
    fill, sha256_of = nifti._fill, reading.sha256_of
    monkeypatch.setattr(nifti, "_fill", lambda *a: unpacked.append(fill(*a)) or unpacked[-1])
    monkeypatch.setattr(reading, "sha256_of", lambda path: hashed.append(path) or sha256_of(path))
    read_study(source)
    assert unpacked == [cine.array.nbytes]
    assert hashed == [source]


def test_help_loads_the_command_line_only():
    code, modules, _ = in_a_fresh_process("--help")
    assert code == 0
    packages = {name.partition(".")[0] for name in modules}
    assert not packages & (SLOW_TO_LOAD | {"numpy", "openvino", "onnxruntime", "pydantic"})
    assert len(modules) <= 94  # 93 with Python 3.11 and click 8
    assert (
        sum(name.startswith("septum") for name in modules) <= 30
    )  # 28: one a command, and ten for the outputs


def test_segmenting_a_volume_loads_nothing_that_takes_longer_than_a_network(cine, tmp_path):
    source = tmp_path / "one.nii.gz"
    write_image(source, type(cine)(cine.array[:1], cine.geometry))
    command = ("segment", source, "-o", tmp_path / "out", "--threads", 1)
    code, modules, opened = in_a_fresh_process(*command, watched=source)
    assert code == 0
    packages = {name.partition(".")[0] for name in modules}
    assert not packages & (SLOW_TO_LOAD | {"onnxruntime"})
    assert len(modules) <= 600  # 531, of them 129 of openvino, 87 of numpy and 44 of pydantic
    assert sum(name.startswith("septum") for name in modules) <= 120  # 118
    assert 0 < opened <= 8  # 8, of which one unpacks it and one hashes it; the others read its first bytes
