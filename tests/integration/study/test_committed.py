"""The results that are committed: whole, of today's recipes, and of the published split."""

from pathlib import Path

from septum.datasets import load_split
from septum_study.declaration import load_study
from septum_study.ledger import read_entry
from septum_study.plan import State, standings
from septum_study.results import read_results, results_path

RESULTS = Path(__file__).parents[3] / "studies" / "half"
STUDY = load_study("half")
NOT_RUN = (State.LEFT, State.UNAVAILABLE, State.RUNNING)
RUN = [s for s in standings(STUDY, RESULTS) if s.state not in NOT_RUN]


def test_no_committed_unit_is_stale_or_damaged():
    assert {s.state for s in RUN} <= {State.DONE, State.PRELIMINARY}, [(s.unit, s.remark) for s in RUN]


def test_every_file_belongs_to_a_unit_of_the_study():
    known = {
        RESULTS / row.key / f"fold{fold}{end}" for row, fold in STUDY.units() for end in (".csv", ".json")
    }
    found = {path for path in RESULTS.rglob("*") if path.is_file() and ".locks" not in path.parts}
    assert found <= known
    assert len(found) == 2 * len(RUN)


def test_every_unit_is_scored_on_the_test_patients_alone():
    for standing in RUN:
        check(standing)


def check(standing):
    dataset = STUDY.row(standing.unit.row).dataset
    rows = read_results(results_path(RESULTS, *standing.unit))
    assert {row["patient"] for row in rows} == set(load_split(dataset).test)
    structures = {"RV", "MYO", "LV"} if dataset == "acdc" else {"LA"}
    cases = {row["case"] for row in rows}
    assert len(cases) == (40 if dataset == "acdc" else 16)
    assert sorted((r["case"], r["structure"]) for r in rows) == sorted(
        (c, s) for c in cases for s in structures
    )
    entry = read_entry(RESULTS, *standing.unit)
    assert not entry.commit.endswith("+"), "results come from committed code"
    assert entry.preliminary == (standing.state is State.PRELIMINARY)
