"""What a cohort is made with; it is settled when the cohort is begun."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from septum.core import InputError
from septum.core.files import write_text
from septum.core.geometry import Triple
from septum.core.settings_error import describe
from septum.inference import ModelOptions, open_bundle
from septum.workflows.options import IndexSettings
from septum.workflows.outputs import Outputs
from septum.workflows.record import SOFTWARE

if TYPE_CHECKING:
    from pathlib import Path

FORMAT: Literal[1] = 1
#: What may be otherwise in each run: it changes no number.
_FREE = ("threads",)


class CohortSettings(BaseModel):
    """How every study of a cohort is segmented and measured.

    Attributes:
        model: a shipped model's name, or a bundle's folder.
        engine, device, precision, flips, threads: as of :class:`septum.inference.ModelOptions`; a worker has
            one thread where nothing else is said.
        spacing_mm: (Z, Y, X) in mm, instead of what the files say.
        indices: how clinical indices are taken; a list may add what it knows of each study.
        masks: whether masks and their JSON are written.
        outputs: what is written beside the masks, by key.
        names: whether studies are called as their files are; otherwise they are numbered.

    >>> CohortSettings(model="cine").options.threads
    1
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str = "cine"
    engine: Literal["openvino", "onnxruntime"] | None = None
    device: Literal["cpu", "cuda"] = "cpu"
    precision: Literal["f32", "bf16"] = "f32"
    flips: bool = False
    threads: int = 1
    spacing_mm: Triple | None = None
    indices: IndexSettings = IndexSettings()
    masks: bool = False
    outputs: Outputs = {}
    names: bool = False

    @property
    def options(self) -> ModelOptions:
        """How the model runs."""
        return ModelOptions(self.engine, self.device, self.precision, self.threads, self.flips)

    @property
    def writes(self) -> bool:
        """Whether files are written for each study."""
        return self.masks or bool(self.outputs)


class CohortFile(BaseModel):
    """What stands in ``cohort.json``: the settings, and what of Septum belongs to them.

    Attributes:
        format: of the folder.
        version: of Septum.
        model_sha256: of the model's bundle.
        settings: of the cohort.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = FORMAT
    version: str
    model_sha256: str
    settings: CohortSettings

    @classmethod
    def of(cls, settings: CohortSettings) -> Self:
        """Settle settings for a cohort that is begun. Raises :class:`septum.core.BundleError`."""
        sha256 = open_bundle(settings.model).sha256
        return cls(version=SOFTWARE.version, model_sha256=sha256, settings=settings)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read the file of a cohort. Raises :class:`septum.core.InputError`."""
        try:
            return cls.model_validate_json(path.read_bytes())
        except OSError as error:
            raise InputError(
                f"{path.parent} is no folder of a cohort: expected {path.name} in it, and it cannot be read "
                f"({error.strerror}); begin the cohort first."
            ) from error
        except ValidationError as error:
            raise InputError(
                f"{path}: {describe(error, [cls, CohortSettings])}; use the version of Septum that made it, "
                "or another folder."
            ) from error

    def write(self, path: Path) -> None:
        """Write it whole or not at all. Raises :class:`septum.core.OutputError`."""
        write_text(path, self.model_dump_json(indent=2) + "\n")

    def check_same(self, begun: CohortFile, path: Path) -> None:
        """Refuse to go on with a cohort that was begun with other settings, model or version.

        Args:
            begun: what the folder says.
            path: of that file, for the message.

        Raises:
            InputError: its table would hold rows of two kinds.
        """
        mine, theirs = self.settings.model_dump(), begun.settings.model_dump()
        other = [name for name in mine if name not in _FREE and mine[name] != theirs[name]]
        if self.model_sha256 != begun.model_sha256 and "model" not in other:
            other.append("the model's content")
        if self.version != begun.version:
            other.append("the version of Septum")
        if other:
            raise InputError(
                f"{path.parent} was begun with other settings ({', '.join(other)}): expected those of "
                f"{path.name}, so that all rows are of one kind; use these, or another folder."
            )
