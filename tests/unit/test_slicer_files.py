"""Files for 3D Slicer, as slicerio and pynrrd have them: names, colours, terms, extents, and the place."""

from __future__ import annotations

from dataclasses import replace

import nrrd
import numpy as np
import pytest
import slicerio

from septum import Segmentation, evaluate
from septum.core import LEFT_ATRIUM, VENTRICLES, Geometry, OutputError, Study
from septum.core.labels import LabelSchema, Structure
from septum.io import read_study
from septum.io.names import is_mask_name
from septum.io.slicer import write_slicer_segmentation, write_slicer_sequence
from septum.phantom import PhantomSettings, beating_heart
from septum.workflows.measuring import measured
from septum.workflows.options import IndexSettings
from septum.workflows.provenance import Provenance
from septum.workflows.record import Settings
from support.dicom_out_study import beating_labels, oblique_geometry
from support.full_disk import full_disk

#: What slicerio is asked for, where it finds a segment by its terminology.
_LV = {
    "category": ["SCT", "123037004", "Anatomical Structure"],
    "type": ["SCT", "87878005", "Left ventricle"],
}


@pytest.fixture
def mask():
    return Segmentation(beating_labels(), oblique_geometry(), VENTRICLES)


def result_of(frames, **settings):
    phantom = PhantomSettings(
        frames=frames, slices=6, matrix=(72, 72), in_plane_mm=3.0, slice_spacing_mm=14.0
    )
    heart = beating_heart(np.random.default_rng(0), phantom)
    provenance = Provenance.of_given_mask(Settings(indices=IndexSettings(**settings)))
    return measured(Study(heart.cine, "a" * 64), heart.truth, provenance, None, name="heart")


def test_slicer_reads_every_segment_with_name_colour_and_code(mask, tmp_path):
    path = tmp_path / "heart.seg.nrrd"
    write_slicer_segmentation(path, mask, 2)
    read = slicerio.read_segmentation(str(path))
    assert slicerio.segment_names(read) == ["RV", "MYO", "LV"]
    for segment, structure in zip(read["segments"], VENTRICLES.structures, strict=True):
        assert segment["labelValue"] == structure.value
        assert segment["layer"] == 0
        assert np.round(np.array(segment["color"]) * 255).astype(int).tolist() == list(structure.colour)
    codes = [one["terminology"]["type"][:2] for one in read["segments"]]
    assert codes == [["SCT", "53085002"], ["SCT", "49848007"], ["SCT", "87878005"]]
    assert read["containedRepresentationNames"] == ["Binary labelmap"]
    assert read["masterRepresentation"] == "Binary labelmap"
    assert (read["voxels"] == mask.labels[2].T).all()


def test_a_segment_is_found_by_its_terminology(mask, tmp_path):
    path = tmp_path / "heart.seg.nrrd"
    write_slicer_segmentation(path, mask, 0)
    found = slicerio.extract_segments(slicerio.read_segmentation(str(path)), [(_LV, 7)])
    assert (found["voxels"] == 7 * (mask.labels[0].T == 3)).all()


def test_extents_hold_the_segment_and_no_more(mask, tmp_path):
    path = tmp_path / "heart.seg.nrrd"
    write_slicer_segmentation(path, mask, 0)
    read = slicerio.read_segmentation(str(path))
    for segment in read["segments"]:
        where = np.argwhere(read["voxels"] == segment["labelValue"])
        ends = np.stack([where.min(axis=0), where.max(axis=0)]).T.ravel()
        assert segment["extent"] == ends.tolist()


def test_a_structure_without_a_voxel_is_an_empty_segment(tmp_path):
    mask = Segmentation(np.zeros((1, 3, 8, 9), np.uint8), Geometry((3, 8, 9), (8.0, 2.0, 2.0)), LEFT_ATRIUM)
    write_slicer_segmentation(tmp_path / "a.seg.nrrd", mask, 0)
    (segment,) = slicerio.read_segmentation(str(tmp_path / "a.seg.nrrd"))["segments"]
    assert segment["extent"] == [0, -1, 0, -1, 0, -1]
    assert segment["terminology"]["type"][:2] == ["SCT", "82471001"]


@pytest.mark.parametrize("handedness", ["right", "left"])
def test_voxels_lie_where_the_mask_does(mask, handedness, tmp_path):
    if handedness == "left":
        flipped = np.asarray(mask.geometry.direction) * [1.0, 1.0, -1.0]
        mask = replace(mask, geometry=replace(mask.geometry, direction=tuple(map(tuple, flipped.tolist()))))
    path = tmp_path / "heart.seg.nrrd"
    write_slicer_segmentation(path, mask, 0)
    to_lps = slicerio.read_segmentation(str(path))["ijkToLPS"]
    z, y, x = 2, 20, 11
    assert to_lps @ [x, y, z, 1] == pytest.approx([*mask.geometry.to_patient_mm((z, y, x)), 1])


def test_names_of_any_text_stay_in_their_line(tmp_path):
    odd = LabelSchema(structures=(Structure(name="a\nb:=c|d~é", value=9),))
    mask = Segmentation(np.full((1, 2, 3, 4), 9, np.uint8), Geometry((2, 3, 4), (8.0, 2.0, 2.0)), odd)
    write_slicer_segmentation(tmp_path / "a.seg.nrrd", mask, 0)
    voxels, header = nrrd.read(str(tmp_path / "a.seg.nrrd"))
    assert (voxels == 9).all()
    assert header["Segment0_LabelValue"] == "9"
    assert header["Segment0_Layer"] == "0"


def test_a_sequence_has_a_frame_for_each_time(mask, tmp_path):
    path = tmp_path / "heart_seg.seq.nrrd"
    write_slicer_sequence(path, mask, (0.0, 31.25, 70.0, 110.5))
    voxels, header = nrrd.read(str(path))
    assert header["kinds"] == ["list", "domain", "domain", "domain"]
    assert header["DataNodeClassName"] == "vtkMRMLLabelMapVolumeNode"
    assert header["axis 0 index type"] == "numeric"
    assert header["axis 0 index values"].split() == ["0.0", "31.25", "70.0", "110.5"]
    assert (header["labels"][0], header["units"][0]) == ("time", "ms")
    for t in range(4):
        assert (voxels[t] == mask.labels[t].T).all()
    assert slicerio.segment_names(slicerio.read_segmentation(str(path))) == ["RV", "MYO", "LV"]


def test_septum_reads_a_sequence_back(tmp_path):
    result = result_of(4)
    write_slicer_sequence(tmp_path / "a_seg.seq.nrrd", result.segmentation, (0.0, 31.25, 70.0, 110.5))
    again = read_study(tmp_path / "a_seg.seq.nrrd", allow_mask=True).cine
    assert (again.array == result.labels).all()
    assert again.times_ms == (0.0, 31.25, 70.0, 110.5)
    assert again.geometry.spacing_mm == pytest.approx(result.geometry.spacing_mm)


def test_a_sequence_without_times_counts_frames(mask, tmp_path):
    write_slicer_sequence(tmp_path / "a.seq.nrrd", mask)
    header = nrrd.read_header(str(tmp_path / "a.seq.nrrd"))
    assert header["axis 0 index values"] == "0 1 2 3"
    assert header["labels"][0] == "frame"


def test_the_same_mask_gives_the_same_bytes(mask, tmp_path):
    for name in ("a", "b"):
        write_slicer_sequence(tmp_path / f"{name}.seq.nrrd", mask)
    assert (tmp_path / "a.seq.nrrd").read_bytes() == (tmp_path / "b.seq.nrrd").read_bytes()


def test_a_full_disk_leaves_nothing(mask, tmp_path):
    with full_disk(), pytest.raises(OutputError):
        write_slicer_segmentation(tmp_path / "a.seg.nrrd", mask, 0)
    assert list(tmp_path.iterdir()) == []


def test_a_cine_gives_both_phases_and_the_sequence(tmp_path):
    result = result_of(4)
    paths = result.save(tmp_path, ["seg-nrrd"])
    names = sorted(path.name for path in tmp_path.glob("*.nrrd"))
    assert names == ["heart_ED.seg.nrrd", "heart_ES.seg.nrrd", "heart_seg.seq.nrrd"]
    ed = slicerio.read_segmentation(str(paths.beside("_ED.seg.nrrd")))
    assert (ed["voxels"] == result.labels[result.indices.phases.end_diastole].T).all()


def test_a_single_frame_gives_one_segmentation(tmp_path):
    result_of(1).save(tmp_path, ["seg-nrrd"])
    assert [path.name for path in tmp_path.glob("*.nrrd")] == ["heart.seg.nrrd"]


def test_other_phases_write_the_files_anew(tmp_path):
    first, other = result_of(4), result_of(4, end_diastole=1, end_systole=3)
    first.save(tmp_path, ["seg-nrrd"])
    other.save(tmp_path, ["seg-nrrd"])
    ed = slicerio.read_segmentation(str(tmp_path / "heart_ED.seg.nrrd"))
    assert (ed["voxels"] == other.labels[1].T).all()


def test_a_comparison_takes_the_mask_and_not_its_copies(tmp_path):
    result = result_of(4)
    result.save(tmp_path / "out", ["seg-nrrd"])
    result.save(tmp_path / "truth")
    (tmp_path / "truth" / "heart_seg.json").unlink()
    found = evaluate(tmp_path / "out", tmp_path / "truth")
    assert found.unpaired == ()
    assert found.exit_code == 0


def test_names_say_that_they_are_masks(tmp_path):
    for ending in (".seg.nrrd", "_ED.seg.nrrd", "_seg.seq.nrrd"):
        assert is_mask_name(tmp_path / f"heart{ending}")
