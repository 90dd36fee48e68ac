"""The documents hold: links lead somewhere, terms are in the code, rooms and streams are explained."""

import ast
import re
from pathlib import Path

import pytest

from api.http.problem_types import PROBLEM_TYPES
from application.streams import KINDS

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src"
DOCUMENTS = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
LINK = re.compile(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]*))?\)")
GLOSSARY = (ROOT / "docs" / "glossary.md").read_text("utf-8")
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text("utf-8")


def names() -> set[str]:
    """Classes, and types that are a union or a name for another."""
    found: set[str] = set()
    for path in SOURCE.rglob("*.py"):
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, ast.ClassDef):
                found.add(node.name)
            elif isinstance(node, ast.Assign):
                found |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return found


def rooms(layer: str) -> set[str]:
    return {path.name for path in (SOURCE / layer).iterdir() if (path / "__init__.py").exists()}


def anchors(document: Path) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", document.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_links_between_documents_lead_somewhere(document: Path) -> None:
    for target, anchor in LINK.findall(document.read_text("utf-8")):
        there = (document.parent / target).resolve() if target else document
        assert there.exists(), target
        assert not anchor or anchor in anchors(there), f"{target}#{anchor}"


def test_every_term_of_the_glossary_is_in_the_code() -> None:
    rows = re.findall(r"^\| (?!term|---)(.*?) \| (.*?) \| (.*?) \|$", GLOSSARY, re.MULTILINE)
    known = names()
    kinds = {kind.name for kind in KINDS}
    for term, _, places in rows:
        named = re.findall(r"(stream |room )?`(.*?)`", places)
        assert named, f"{term} says no place"
        for of, name in named:
            found = kinds if of == "stream " else rooms("application") if of == "room " else known
            assert name in found, f"{term}: {of}{name}"


def test_every_kind_of_stream_and_room_of_the_domain_is_explained() -> None:
    for kind in KINDS:
        assert f"stream `{kind.name}`" in GLOSSARY, kind.name
    for room in rooms("domain"):
        assert f"`{room}`" in GLOSSARY, room


@pytest.mark.parametrize("layer", ["domain", "application", "projections", "backoffice", "api"])
def test_every_room_is_in_the_drawing(layer: str) -> None:
    drawing = ARCHITECTURE.partition("```mermaid")[2].partition("```")[0]
    assert {room for room in rooms(layer) if not re.search(rf"\b{room}\b", drawing)} == set()


def test_the_drawing_of_errors_names_errors_that_there_are() -> None:
    drawing = ARCHITECTURE.rpartition("```mermaid")[2].partition("```")[0]
    named = set(re.findall(r"\b([A-Z]\w+)\b", drawing)) - {"LR"}
    assert named <= names()
    answered = set(re.findall(r'==> (?:\w+\["([\w-]+)"\]|([\w-]+))', drawing))
    kinds = {quoted or plain for quoted, plain in answered} - {"away"}
    assert kinds <= set(PROBLEM_TYPES)
