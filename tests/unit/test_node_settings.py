"""``node.toml``: what it must say, and how a mistake in it is told."""

from __future__ import annotations

import pytest

from septum.core import InputError
from septum.node.settings import is_allowed, load_settings

GOOD = """
data = "state"
[receive]
peers = [{ ae_title = "MR1", address = "10.0.0.0/24" }]
[[send]]
kind = "stow"
name = "pacs"
url = "https://pacs/dicom-web/"
token_file = "token"
"""


def load(folder, text):
    path = folder / "node.toml"
    path.write_text(text)
    return load_settings(path)


def test_paths_begin_at_the_folder_of_the_file(tmp_path):
    settings = load(tmp_path, GOOD)
    assert settings.data == tmp_path / "state"
    assert settings.send[0].token_file == tmp_path / "token"
    assert settings.send[0].url == "https://pacs/dicom-web"


def test_addresses_are_of_networks_and_mapped_ones_are_known(tmp_path):
    (peer,) = load(tmp_path, GOOD).receive.peers
    for address, allowed in (
        ("10.0.0.9", True),
        ("::ffff:10.0.0.9", True),
        ("10.0.1.9", False),
        ("x", False),
    ):
        assert is_allowed(address, (peer.address,)) is allowed


@pytest.mark.parametrize(
    ("before", "after", "named"),
    [
        ('data = "state"', "", "data"),
        ('"10.0.0.0/24"', '"scanner"', "10.0.0.5"),
        ('kind = "stow"', 'kind = "ftp"', "dimse"),
        ('"https://pacs/dicom-web/"', '"pacs"', "https://"),
        ("token_file", "tokenfile", "tokenfile"),
        ('"MR1"', '"A TITLE THAT IS TOO LONG"', "ae_title"),
        ("[receive]\npeers", "[reception]\npeers", "receive"),
        ('[receive]\npeers = [{ ae_title = "MR1", address = "10.0.0.0/24" }]', "", "way in"),
        ("data = ", "data == ", "TOML"),
    ],
)
def test_a_mistake_is_told_in_one_sentence_that_names_the_file_and_what_is_expected(
    tmp_path, before, after, named
):
    assert before in GOOD
    with pytest.raises(InputError) as raised:
        load(tmp_path, GOOD.replace(before, after, 1))
    told = str(raised.value)
    assert str(tmp_path / "node.toml") in told
    assert named in told
    assert "\n" not in told
