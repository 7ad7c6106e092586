"""Terms of weights: those of the data, and of the bundle that training started from."""

import pytest

from septum.core import VENTRICLES
from septum.datasets import Dataset
from septum.inference import open_bundle
from septum.training.terms import SEE, Terms

CINE = open_bundle("cine").manifest
ACDC = Dataset("acdc", VENTRICLES, {}, (), str(CINE.provenance["citation"]), CINE.licence.removesuffix(SEE))


def own(terms="", citation=""):
    return Dataset("nnunet", VENTRICLES, {}, (), citation, terms, title="Ours")


def test_terms_of_the_data_are_told_once_where_the_start_has_the_same():
    assert Terms(ACDC, CINE).line == Terms(ACDC).line == ACDC.terms
    assert Terms(ACDC, CINE).licence() == Terms(ACDC).licence()
    assert Terms(ACDC, CINE).licence().count(ACDC.citation) == 1


@pytest.mark.parametrize(("terms", "told"), [("internal", "internal"), ("", "not stated with the data")])
def test_terms_of_own_data_stand_beside_those_of_the_start(terms, told):
    held = Terms(own(terms, "Doe 2026"), CINE)
    assert held.line == f"{told}; and those of cine, from which training started: {ACDC.terms}"
    assert held.citations == ("Doe 2026", ACDC.citation)
    assert ("**not stated** with it" in held.licence()) == (not terms)
    assert f"> Doe 2026\n>\n> {ACDC.citation}" in held.licence()


def test_terms_pass_on_from_bundle_to_bundle():
    first = Terms(own("internal", "Doe 2026"), CINE)
    bundle = CINE.model_copy(
        update={
            "name": "first",
            "licence": first.line + SEE,
            "provenance": {"citation": "\n".join(first.citations)},
        }
    )
    second = Terms(own("secret", "Roe 2027"), bundle)
    assert second.citations == ("Roe 2027", "Doe 2026", ACDC.citation)
    assert ACDC.terms in second.line


def test_own_data_that_states_nothing_is_given_no_terms_of_another_set():
    licence = Terms(own()).licence()
    assert "data set Ours" in licence
    assert "How the data is to be cited is not stated" in licence
    assert "cites:" not in licence
