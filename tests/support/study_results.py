"""Made-up results of a small study, with numbers that can be worked out by hand."""

from septum.core import PartReport
from septum_study.declaration import Declaration
from septum_study.ledger import Entry, publish
from septum_study.results import COLUMNS, results_path


def small_study(**changes):
    """Three methods on ACDC, of which the first is the reference, and one on LASC; two folds."""
    published = {"dice": [0.8, 0.1], "hausdorff": [5.0, 1.0], "asd": [0.5, 0.2]}

    def row(key, dataset, tables, origin="paper", **more):
        label = key.replace("-", " ").title()
        return {
            "key": key, "recipe": f"paper/{key}", "label": label, "dataset": dataset, "filters": 32,
            "tables": tables, "origin": origin, **more,
        }  # fmt: skip

    declared = {
        "name": "small",
        "title": "A small study",
        "split": "published",
        "folds": 2,
        "order": "folds",
        "rows": [
            row(
                "reference", "acdc", ["3", "4", "localisation"], published={"all": published, "LV": published}
            ),
            row("other", "acdc", ["3", "4", "localisation"]),
            row("oracle", "acdc", ["3", "localisation"], "added"),
            row("atrium", "lasc", ["2"], published={"all": published}),
        ],
        "presentation": ["other", "reference", "oracle", "atrium"],
        "oracles": {"acdc": "oracle"},
        "tables": {
            "2": {"title": "Atrium", "references": {"lasc": "atrium"}},
            "3": {"title": "Ventricles", "references": {"acdc": "reference"}},
            "4": {"title": "By structure", "kind": "by_structure"},
            "localisation": {"title": "Regions", "kind": "localisation"},
        },
        "figures": {
            "7": {"title": "Atrium", "structures": ["LA"], "rows": ["atrium"]},
            "8": {"title": "Ventricles", "structures": ["LV", "RV"], "rows": ["reference", "other"]},
        },
    }
    return Declaration.model_validate(declared | changes)


def result(row, fold, patient, phase, structure, dice, hausdorff=4.0, **changes):
    """One line. Distances in voxels are half of those in mm; ASD is a tenth of the Hausdorff distance."""
    case = f"{patient}_{phase}" if phase else patient
    values = {
        "row": row, "fold": fold, "case": case, "patient": patient, "group": "NOR" if phase else "",
        "phase": phase, "structure": structure, "dice": dice, "missed": False,
        "hausdorff_mm": hausdorff, "asd_mm": hausdorff / 10,
        "hausdorff_voxels": hausdorff / 2, "asd_voxels": hausdorff / 20,
        "predicted_ml": 90.0, "true_ml": 100.0, "diagonal_mm": 400.0, "diagonal_voxels": 200.0,
        "foreground_inside": 1.0, "localisation": "map", "centre_error_mm": 2.0, "seconds": 0.5,
    }  # fmt: skip
    if phase:
        values |= {
            "grid_dice": dice - 0.1, "grid_missed": False, "grid_hausdorff_voxels": hausdorff / 4,
            "grid_asd_voxels": hausdorff / 40, "grid_diagonal_voxels": 300.0,
        }  # fmt: skip
    values |= changes
    return {column: str(values.get(column, "")) for column in COLUMNS}


def missed(row, fold, patient, phase, structure):
    """A line of a structure that was not found."""
    nothing = dict.fromkeys(
        (
            "hausdorff_mm",
            "asd_mm",
            "hausdorff_voxels",
            "asd_voxels",
            "grid_hausdorff_voxels",
            "grid_asd_voxels",
        ),
        "",
    )
    on_grid = {"grid_dice": 0.0, "grid_missed": True} if phase else {}
    return result(
        row, fold, patient, phase, structure, 0.0, **nothing, **on_grid, missed=True, predicted_ml=0.0
    )  # fmt: skip


def save(folder, lines, *, capped=(), data="0"):
    """Write lines of one row and fold where the study looks for them, with their entry in the ledger."""
    row, fold = lines[0]["row"], int(lines[0]["fold"])
    parts = tuple(
        PartReport(
            name=name, epochs=9, best_epoch=8, validation=0.9, seconds=1.0, parameters=10,
            stopped="capped" if name in capped else "patience",
            made_by="cpu, torch 0, 0",
        )
        for name in ("localiser", "segmenter")
    )  # fmt: skip
    entry = Entry(
        row=row, fold=fold, recipe_sha256="0", split_sha256="0", version=1, data_sha256=data,
        results_sha256="", commit="0", septum="0", torch="0", device="cpu", seed=0, parts=parts,
        training_seconds=1.0, scoring_seconds=1.0, peak_memory_mb=None,
    )  # fmt: skip
    publish(folder, entry, lines)
    return results_path(folder, row, fold)


def cells(table, title_starts, section=""):
    """The first line of a table whose first cell starts so, by heading."""
    line = next(
        line
        for part in table.sections
        if part.title.startswith(section)
        for line in part.lines
        if line[0].startswith(title_starts)
    )
    return dict(zip((column.heading for column in table.columns), line, strict=True))
