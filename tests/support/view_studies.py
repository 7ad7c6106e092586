"""Results as `septum segment` leaves them, of hearts of discs, and a client that speaks as the page does."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from septum import measure, write_image
from septum.core import Cine, Segmentation
from septum.io import read_study
from septum.view.app import make_app
from septum.view.worklist import Worklist
from septum.workflows.measuring import measured
from septum.workflows.provenance import Provenance
from septum.workflows.record import SOFTWARE, ModelFacts, Settings
from support.dicom_study import LONG_AXIS, Sheet, flat, images, stored, write, write_cine
from support.dicom_study import heart as dicom_heart
from support.hearts import cine, heart

if TYPE_CHECKING:
    from pathlib import Path

    from septum.core import Study
    from septum.view.session import Session

with warnings.catch_warnings(action="ignore"):  # Starlette would rather have httpx's successor
    from starlette.testclient import TestClient

PORT, TOKEN = 8642, "a-token-of-the-tests"
FACTS = ModelFacts(name="cine", title="tests", sha256="c" * 64, licence="none")
FRAMES = (0.0, 0.3, 0.6, 0.3)


def beating() -> Segmentation:
    """Four frames; end-diastole is frame 0, end-systole frame 2."""
    return cine(*(heart(emptied) for emptied in FRAMES))


def write_result(
    folder: Path,
    name: str = "heart",
    outputs: Any = (),
    *,
    image: Path | None = None,
    mask: Segmentation | None = None,
    study: Study | None = None,
) -> Path:
    """Write an image and a result by a model; the image's path is given."""
    mask = mask or beating()
    if image is None and study is None:
        noise = np.random.default_rng(7).normal(0.0, 20.0, mask.labels.shape)
        voxels = (100.0 * mask.labels + noise + 200.0).astype(np.int16)
        image = folder / f"{name}.nii.gz"
        write_image(image, Cine(voxels, mask.geometry, frame_interval_ms=200.0))
    study = study or read_study(image)
    settings = Settings(engine="none", device="cpu", precision="f32")
    provenance = Provenance(SOFTWARE, FACTS, "model", settings)
    segmentation = Segmentation(mask.labels, study.cine.geometry, mask.schema)
    measured(study, segmentation, provenance, None, name=name).save(folder, outputs)
    return image


def write_dicom_with_long_axis(folder: Path, out: Path) -> None:
    """Write a DICOM study of a short-axis cine and a long-axis slice, and its result in a folder."""
    write_cine(folder / "study")
    middle = Sheet().position(3) + 34 * 3.0 * (Sheet().axes[0] + Sheet().axes[1])
    row, column, _ = Sheet(LONG_AXIS).axes
    sheet = Sheet(LONG_AXIS, origin_mm=middle - 102.0 * (row + column))
    write(folder / "study", flat(images(stored(5, 1), sheet, series=30, uid="1.2.9")))
    write_result(out, "study", image=folder / "study", mask=dicom_heart().truth)


def many_results(folder: Path, count: int) -> None:
    """One result under many names, ``case0000`` and so on; its files exist once."""
    write_result(folder, "one")
    for number in range(count):
        for ending in ("_seg.nii.gz", "_seg.json"):
            (folder / f"case{number:04d}{ending}").hardlink_to(folder / f"one{ending}")
    for path in folder.glob("one*"):
        path.unlink()


@dataclass
class Page:
    """Speaks to the server as the page does: with its cookie, its origin and the version that it knows."""

    client: TestClient
    worklist: Worklist
    key: str = ""

    @classmethod
    def of(cls, *roots: Path, **options: Any) -> Page:
        """Open the results of some folders; the first study of the list is the one looked at."""
        worklist = Worklist(roots, **options)
        client = TestClient(
            make_app(worklist, port=PORT, token=TOKEN), base_url=f"http://127.0.0.1:{PORT}",
            headers={"origin": f"http://127.0.0.1:{PORT}"},
        )  # fmt: skip
        assert client.get(f"/?token={TOKEN}").status_code == 200
        page = cls(client, worklist)
        page.key = page.studies()[0]["id"]
        return page

    def studies(self) -> list[dict[str, Any]]:
        return self.get("/api/studies")["studies"]

    def get(self, path: str) -> Any:
        answer = self.client.get(path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def session(self) -> Session:
        return self.worklist.session(self.key)

    def study(self) -> dict[str, Any]:
        return self.get(f"/api/studies/{self.key}")

    def mask(self, which: str = "current") -> np.ndarray:
        told = self.get(f"/api/studies/{self.key}/mask?which={which}")
        shape = self.study()["shape"]
        labels = np.zeros(shape, np.uint8)
        for t, z, runs in told["slices"]:
            labels[t, z] = painted(runs, tuple(shape[2:]))
        return labels

    def post(self, route: str, status: int = 200, /, **body: Any) -> dict[str, Any]:
        answer = self.client.post(f"/api/studies/{self.key}/{route}", json=body)
        assert answer.status_code == status, answer.text
        return answer.json()

    def edit(self, action: str, **body: Any) -> dict[str, Any]:
        return self.post("edits", base=self.study()["version"], action=action, **body)

    def now(self, route: str, **body: Any) -> dict[str, Any]:
        return self.post(route, base=self.study()["version"], **body)


def painted(runs: list[int], shape: tuple[int, ...]) -> np.ndarray:
    """A slice of its runs, by other code than the server's."""
    line: list[int] = []
    for value, length in zip(runs[::2], runs[1::2], strict=True):
        line += [value] * length
    line += [0] * (shape[0] * shape[1] - len(line))
    return np.array(line, np.uint8).reshape(shape)


def runs_of(slice_: np.ndarray) -> list[int]:
    """The runs of a slice, by other code than the server's; background at the end is told, too."""
    runs: list[int] = []
    for value in slice_.ravel().tolist():
        if runs and runs[-2] == value:
            runs[-1] += 1
        else:
            runs += [value, 1]
    return runs


def measured_again(mask: Path, image: Path | None = None) -> Any:
    """A mask as `septum measure` sees it."""
    with warnings.catch_warnings(action="ignore"):  # its verdict
        return measure(mask, image=image)
