"""A study as data: methods, folds, order of execution, tables and figures, and the published values."""

from __future__ import annotations

import tomllib
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from septum.core import RecipeError
from septum.core.settings_error import describe
from septum.datasets import require_published
from septum_study.scale import Scale

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from importlib.resources.abc import Traversable

#: Key of a published data set of ``datasets.REGISTRY``.
DatasetName = Annotated[str, AfterValidator(require_published)]


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PublishedValue(NamedTuple):
    """Mean and standard deviation as a publication prints them."""

    mean: float
    sd: float


class Published(_Settings):
    """What a publication prints for one method: over all structures, or for one of them.

    Attributes:
        dice: 0 to 1.
        hausdorff, asd: printed as mm, and most likely voxels.
    """

    dice: PublishedValue
    hausdorff: PublishedValue
    asd: PublishedValue


class Row(_Settings):
    """One method on one data set: a row of the tables, trained once a fold.

    Attributes:
        key: name of the row's results folder.
        recipe: name of the recipe that trains it, such as ``paper/acdc-unet3d``, or the path of a TOML file.
        label: what tables and figures call it.
        dataset: key of ``datasets.REGISTRY``.
        filters: initial number of convolution kernels of the network that segments; in the file, those at
            full scale.
        tables: names of the tables that show it.
        rescaled: whether the study's scale holds for it; without, its recipe is taken as it is.
        origin: ``paper`` for a row of the publication, ``added`` for one that it left out.
        published: what the publication prints, by structure and for ``all``; empty where it prints nothing.
    """

    key: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")
    recipe: str
    label: str
    dataset: DatasetName
    filters: int = Field(ge=1)
    tables: tuple[str, ...] = Field(min_length=1)
    rescaled: bool = True
    origin: Literal["paper", "added"]
    published: dict[str, Published] = Field(default_factory=dict)


class TableSettings(_Settings):
    """One table of a study.

    Attributes:
        title: its caption.
        kind: ``scores`` beside the published ones, over all structures; the same ``by_structure``;
            ``localisation``; or a ``summary`` of rows that nobody has published.
        references: by data set, the row against which the table's other rows are tested; none, no tests.
    """

    title: str
    kind: Literal["scores", "by_structure", "localisation", "summary"] = "scores"
    references: dict[DatasetName, str] = Field(default_factory=dict)


class Pair(NamedTuple):
    """Keys of two rows of one data set: the one that is tested, and the one that it is tested against."""

    row: str
    against: str


class Contrast(_Settings):
    """One question that is asked of several pairs of rows; p values are corrected over its pairs.

    Attributes:
        title: what the two rows of each pair differ in.
        pairs: in the order in which they are shown.
    """

    title: str
    pairs: tuple[Pair, ...] = Field(min_length=1)


class FigureSettings(_Settings):
    """One Bland-Altman figure: a panel for each row and structure, in this order."""

    title: str
    structures: tuple[str, ...] = Field(min_length=1)
    rows: tuple[str, ...] = Field(min_length=1)


class DrawnSplit(_Settings):
    """A split that is drawn rather than published: ``test`` patients and ``folds`` parts, from ``seed``."""

    test: int = Field(ge=1)
    folds: int = Field(ge=2)
    seed: int


class Declaration(_Settings):
    """A declared comparison.

    Attributes:
        name: of the study and of its results folder.
        title: one line.
        data: whether it runs on the data ``given``, or on a ``phantom`` that it makes.
        split: ``published``: fixed test patients, and folds of the rest that validate; or how to draw such a
            one; or ``cross_validation``: the patients of a fold test, all others train, and none validates,
            so that a recipe has a fixed number of epochs.
        folds: number of folds, and so of models a row.
        first_fold: the number of the first of them.
        order: ``folds`` runs fold 0 of every row before fold 1 of any; ``rows`` all folds of a row at once.
        rows: in the order of execution.
        presentation: keys of all rows in the order in which tables show them.
        oracles: by data set, the row whose region comes from the truth.
        scales: by data set, what every row changes in its recipe; empty for nothing.
        tables, figures: by name.
        contrasts: tests of rows against each other, beside those against the references of the tables.
    """

    name: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")
    title: str
    data: Literal["given", "phantom"] = "given"
    split: Literal["published", "cross_validation"] | DrawnSplit
    folds: int = Field(ge=1)
    first_fold: int = Field(default=0, ge=0)
    order: Literal["folds", "rows"]
    rows: tuple[Row, ...] = Field(min_length=1)
    presentation: tuple[str, ...]
    oracles: dict[DatasetName, str] = Field(default_factory=dict)
    scales: dict[DatasetName, Scale] = Field(default_factory=dict)
    tables: dict[str, TableSettings]
    contrasts: tuple[Contrast, ...] = ()
    figures: dict[str, FigureSettings] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _consistent(self) -> Declaration:
        keys = [row.key for row in self.rows]
        if len(set(keys)) != len(keys):
            raise ValueError("every row needs a key of its own")
        if sorted(keys) != sorted(self.presentation):
            raise ValueError("presentation must name every row once, and nothing else")
        if isinstance(self.split, DrawnSplit) and self.split.folds != self.folds:
            raise ValueError(f"folds is {self.folds}, but the split draws {self.split.folds}")
        _require_known("tables of rows", (name for row in self.rows for name in row.tables), self.tables)
        _require_known("oracles", self.oracles.values(), keys)
        for name, table in self.tables.items():
            _require_known(f"references of table {name}", table.references.values(), keys)
        for name, figure in self.figures.items():
            _require_known(f"rows of figure {name}", figure.rows, keys)
        titles = [contrast.title for contrast in self.contrasts]
        if len(set(titles)) != len(titles):
            raise ValueError("every contrast needs a title of its own")
        for contrast in self.contrasts:
            what = f"pairs of contrast {contrast.title}"
            _require_known(what, (key for pair in contrast.pairs for key in pair), keys)
            self._require_distinct(what, contrast.pairs)
        return self

    def _require_distinct(self, what: str, pairs: tuple[Pair, ...]) -> None:
        """Each pair is of two rows, which share patients; none counts twice in the correction."""
        if len({frozenset(pair) for pair in pairs}) != len(pairs):
            raise ValueError(f"{what}: two rows are tested against each other once")
        for one, other in pairs:
            if one == other:
                raise ValueError(f"{what}: {one} stands against itself")
            if self.row(one).dataset != self.row(other).dataset:
                raise ValueError(f"{what}: {one} and {other} have no patients in common")

    def parse_fold(self, text: str, said: str) -> int:
        """The fold of this number.

        Raises:
            RecipeError: the study does not run it; ``said`` begins the sentence.
        """
        if text.isdigit() and int(text) in self.fold_numbers:
            return int(text)
        raise RecipeError(f"{said} a fold from {self.fold_numbers[0]} to {self.fold_numbers[-1]}.")

    def row(self, key: str) -> Row:
        """The row of this key.

        Raises:
            RecipeError: there is none.
        """
        for row in self.rows:
            if row.key == key:
                return row
        raise RecipeError(
            f"study {self.name} has no row {key!r}; it has {', '.join(row.key for row in self.rows)}."
        )

    @property
    def cross_validates(self) -> bool:
        """Whether each fold has test patients of its own."""
        return self.split == "cross_validation"

    @property
    def fold_numbers(self) -> range:
        """The folds that are run."""
        return range(self.first_fold, self.first_fold + self.folds)

    def units(self) -> Iterator[tuple[Row, int]]:
        """All (row, fold) in the order of execution."""
        if self.order == "folds":
            yield from ((row, fold) for fold in self.fold_numbers for row in self.rows)
        else:
            yield from ((row, fold) for row in self.rows for fold in self.fold_numbers)

    def shown_in(self, table: str) -> tuple[Row, ...]:
        """The rows of a table in the order in which it shows them.

        Raises:
            RecipeError: there is no such table.
        """
        if table not in self.tables:
            raise RecipeError(f"study {self.name} has no table {table!r}; it has {', '.join(self.tables)}.")
        return tuple(row for row in map(self.row, self.presentation) if table in row.tables)


def load_study(name: str) -> Declaration:
    """A study that comes with the package, by its name, or any other by the path of its TOML file.

    Raises:
        RecipeError: it is unknown, or its file does not say what it must say.
    """
    if name.endswith(".toml"):
        return _beside(_read(Path(name)), Path(name).parent)
    declared = _declared()
    if name not in declared:
        raise RecipeError(f"no study {name!r} is declared; there is {', '.join(declared)}.")
    return _read(declared[name])


def _beside(study: Declaration, folder: Path) -> Declaration:
    """The study with its rows' recipe files found from the folder of its own file."""
    rows = [
        row.model_copy(update={"recipe": str(folder / row.recipe)}) if row.recipe.endswith(".toml") else row
        for row in study.rows
    ]
    return study.model_copy(update={"rows": tuple(rows)})


def _rescaled(study: Declaration) -> Declaration:
    """The study with the filters that its rows have at its scale."""
    rows = [
        row.model_copy(update={"filters": study.scales[row.dataset].filters(row.filters)})
        if row.rescaled and row.dataset in study.scales
        else row
        for row in study.rows
    ]
    return study.model_copy(update={"rows": tuple(rows)})


def _content(file: Path | Traversable) -> dict[str, Any]:
    """What a file declares, laid over the declared study that it extends."""
    content = tomllib.loads(file.read_text(encoding="utf-8"))
    if "extends" not in content:
        return content
    base = content.pop("extends")
    declared = _declared()
    if base not in declared:
        raise RecipeError(f"{file}: extends: no study {base!r} is declared; there is {', '.join(declared)}.")
    return _laid_over(_content(declared[base]), content)


def _declared() -> dict[str, Traversable]:
    """The files of the studies that come with the package, by name."""
    folder = resources.files("septum_study") / "declared"
    files = {
        file.name.removesuffix(".toml"): file for file in folder.iterdir() if file.name.endswith(".toml")
    }
    return dict(sorted(files.items()))


def _laid_over(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Tables key by key; lists, such as rows, one after the other."""
    merged = dict(base)
    for key, value in changes.items():
        if isinstance(value, dict) and key in base:
            merged[key] = _laid_over(base[key], value)
        else:
            merged[key] = [*base.get(key, ()), *value] if isinstance(value, list) else value
    return merged


def _read(file: Path | Traversable) -> Declaration:
    try:
        return _rescaled(Declaration.model_validate(_content(file)))
    except OSError as error:
        raise RecipeError(f"{file}: expected the declaration of a study, but {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RecipeError(f"{file} is not valid TOML: {error}.") from error
    except ValidationError as error:
        raise RecipeError(f"{file}: {describe(error, (Declaration,))}.") from error


def _require_known(what: str, names: Iterable[str], known: Iterable[str]) -> None:
    unknown = sorted(set(names) - set(known))
    if unknown:
        raise ValueError(f"{what}: {', '.join(unknown)} is not declared")
