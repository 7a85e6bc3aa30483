"""The documentation says what is so."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import BaseModel

from tests import reference_pages
from trialalerts.operations.watch.words import KINDS
from trialalerts.settings import Settings

REPOSITORY = Path(__file__).resolve().parent.parent
PAGES = sorted([*REPOSITORY.glob("*.md"), *REPOSITORY.glob("docs/**/*.md")])


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of all references as the program writes them now, in a process of its own."""
    folder = tmp_path_factory.mktemp("reference")
    subprocess.run([sys.executable, "-m", "tests.reference_pages", str(folder)], cwd=REPOSITORY, check=True)
    return folder


@pytest.mark.parametrize("page", reference_pages.PAGES)
def test_a_reference_is_what_the_program_says_of_itself(fresh: Path, page: str) -> None:
    written, now = (folder.joinpath(page).read_text(encoding="utf-8") for folder in (reference_pages.REFERENCE, fresh))
    assert written == now, "run: python -m tests.reference_pages"


def test_each_key_of_the_configuration_stands_in_its_reference() -> None:
    page = (reference_pages.REFERENCE / "settings.md").read_text(encoding="utf-8")
    for section, field in Settings.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            _, found, rest = page.partition(f"## [{section}]")
            assert found, section
            keys = re.findall(r"^\| `([a-z_]+)` \|", rest.partition("\n## ")[0], re.MULTILINE)
            wanted = {each.alias or name for name, each in field.annotation.model_fields.items()}
            assert wanted == set(keys), section


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(REPOSITORY)) for page in PAGES])
def test_every_link_into_the_repository_leads_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target in [*re.findall(r"\]\(([^)#\s]+)", text), *re.findall(r'src="([^"]+)"', text)]:
        if not re.match(r"https?:|mailto:", target):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_each_page_is_in_the_index() -> None:
    index = (REPOSITORY / "docs" / "index.md").read_text(encoding="utf-8")
    folders = ("tutorial", "how-to", "reference", "explanation")
    pages = [f"{folder}/{page.name}" for folder in folders for page in (REPOSITORY / "docs" / folder).glob("*.md")]
    assert [page for page in sorted(pages) if f"]({page}" not in index] == []


def test_each_kind_of_standstill_says_what_to_do() -> None:
    page = (REPOSITORY / "docs" / "how-to" / "when-something-stands-still.md").read_text(encoding="utf-8")
    told = re.findall(r"^### (\S+)$", page, re.MULTILINE)
    assert sorted(told) == sorted(KINDS)
    for kind in KINDS:
        what_to_do = page.partition(f"### {kind}\n")[2].partition("\n#")[0]
        assert re.search(r"`trialalerts |\]\(", what_to_do), kind
