"""The card of an export, and the licence that it states."""

from __future__ import annotations

import json

import pytest

from annotate.workspace import Workspace
from tests.annotate.dataset.command import run
from tests.annotate.dataset.exported import Truth, export


def test_card(truth: Truth) -> None:
    text = (export("card") / "README.md").read_text()
    water = sum("water" in entry["yes"] for entry in truth.values())
    assert "30 photos of" in text
    assert f"| Water, any | water | {water} | {30 - water} | 0 |" in text
    assert "Unknown is not no" in text
    assert text.startswith("---\n{")
    json.loads(text.split("---\n")[1])


def test_the_own_template_of_the_card_wins(truth: Truth, exportable: Workspace) -> None:
    own = exportable.templates / "dataset-card.md.j2"
    own.parent.mkdir(exist_ok=True)
    own.write_text("{{ images }} photos & {{ classes[0].name }}\n", "utf-8")
    assert (export("card") / "README.md").read_text() == "30 photos & Water, any\n"
    own.write_text("{{ images }} photos\n{{ nobody }}", "utf-8")
    assert f"{own}:2: " in run("dataset", "export", "--to", "card", expect=1)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of rdflib, below the library
@pytest.mark.parametrize(
    ("licence", "hub", "croissant"),
    [
        ("", ("unknown", None), None),
        ("cc-by-4.0", ("cc-by-4.0", None), "https://spdx.org/licenses/CC-BY-4.0.html"),
        ("ODbL-1.0", ("odbl", None), "https://spdx.org/licenses/ODbL-1.0.html"),
        ("LicenseRef-ours", ("other", "licenseref-ours"), "LicenseRef-ours"),
    ],
)
def test_the_licence_as_others_read_it(
    truth: Truth,
    exportable: Workspace,
    licence: str,
    hub: tuple[str, str | None],
    croissant: str | None,
) -> None:
    hub_cards = pytest.importorskip("huggingface_hub").DatasetCard
    mlcroissant = pytest.importorskip("mlcroissant")
    licensed(exportable, licence)
    folder = export("croissant")
    text = (folder / "README.md").read_text()
    data = hub_cards(text).data
    assert (data.license, data.get("license_name")) == hub
    metadata = mlcroissant.Dataset(str(folder / "croissant.json")).metadata
    assert metadata.license == ([croissant] if croissant else None)
    assert ("**Unknown**" in text) == (not licence)


def test_a_licence_that_there_is_not_is_refused(truth: Truth, exportable: Workspace) -> None:
    licensed(exportable, "mine, all mine")
    said = run("dataset", "export", "--to", "card", expect=1)
    assert "[dataset] licence" in said
    assert "LicenseRef-" in said


def licensed(workspace: Workspace, licence: str) -> None:
    file = workspace.root / "mumic.toml"
    file.write_text(f'{file.read_text()}[dataset]\nlicence = "{licence}"\n')
