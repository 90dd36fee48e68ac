"""Names of classes: an event is a past participle and has a tag; nothing else is one."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

SOURCE = Path(__file__).resolve().parent.parent / "src"
IRREGULAR = re.compile(
    r"Begun|Built|Chosen|Cut|Done|Drawn|Found|Frozen|Given|Held|Kept|Known|Left|Lost|Made|Met|Paid|Put|Read"
    r"|Saw|Seen|Sent|Set|Shown|Sold|Spent|Taken|Told|Written|Won"
)
NAMED_FOR_WHAT_HAPPENED = ("Exception", "Error", "Refusal", "PostgresUnavailable", "Failure")
"""Ends of the names of exceptions' bases: an exception is named for what happened, as an event is."""
NOT_OF_A_PARTICIPLE = frozenset({"OnExhausted"})
"""What is done when something is exhausted."""


def classes() -> Iterator[tuple[str, ast.ClassDef]]:
    for path in sorted(SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ClassDef):
                yield str(path.relative_to(SOURCE)), node


def is_participle(name: str) -> bool:
    last = re.findall(r"[A-Z][a-z]*", name)[-1]
    return last.endswith("ed") or bool(IRREGULAR.fullmatch(last))


def has_tag(node: ast.ClassDef) -> bool:
    fields = [line.target for line in node.body if isinstance(line, ast.AnnAssign)]
    return any(keyword.arg == "tag" for keyword in node.keywords) or any(
        isinstance(field, ast.Name) and field.id == "tag" for field in fields
    )


def test_a_class_named_by_a_participle_has_a_tag() -> None:
    found = [
        f"{path}: {node.name}"
        for path, node in classes()
        if is_participle(node.name)
        and not has_tag(node)
        and node.name not in NOT_OF_A_PARTICIPLE
        and not any(ast.unparse(base).endswith(NAMED_FOR_WHAT_HAPPENED) for base in node.bases)
    ]
    assert found == []


def test_participles_are_told_from_nouns() -> None:
    assert [name for name in ("Settled", "KeyMade", "Settlement", "Need", "ListLeft") if is_participle(name)] == [
        "Settled",
        "KeyMade",
        "Need",
        "ListLeft",
    ]
