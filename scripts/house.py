"""Prints how the code base is kept: sizes, folders, names, prose. A mirror, not a gate: `python -m scripts.house`."""

import ast
import re
import subprocess
import tokenize
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from statistics import median, quantiles

from scripts.environment import ROOT

SOURCE = ROOT / "src"
IDIOM = frozenset({"Definition", "Status"})
"""Class names that every stream may have."""
VAGUE = frozenset({"what", "that", "one", "it", "those", "such", "whoever"})
LONG = 40

Function = ast.FunctionDef | ast.AsyncFunctionDef


def main() -> None:
    """One line a figure."""
    trees = {path: ast.parse(path.read_text("utf-8")) for path in sorted(SOURCE.rglob("*.py"))}
    nodes = [node for tree in trees.values() for node in ast.walk(tree)]
    lengths = [_length(node) for node in nodes if isinstance(node, Function)]
    names = Counter(node.name for node in nodes if isinstance(node, ast.ClassDef))
    twice = sorted(name for name, count in names.items() if count > 1 and name not in IDIOM)
    words = [word for tree in trees.values() for word in _words(tree)]
    vague = sum(word in VAGUE for word in words)
    folders = Counter(path.parent for path in trees if path.name != "__init__.py")
    folder, most = folders.most_common(1)[0]
    comments, lines = _comments(trees)
    bodies, commits = _commits()
    print(f"functions: median {median(lengths):.0f} lines, 9 of 10 within {quantiles(lengths, n=10)[-1]:.0f}")
    print(f"functions above {LONG} lines: {_share(sum(length > LONG for length in lengths), len(lengths))}")
    print(f"most files flat in one folder: {most} ({folder.relative_to(ROOT)})")
    print(f"class names declared more than once: {len(twice)} of {len(names)} ({', '.join(twice)})")
    print(f"words that name nothing in 1,000 of docstrings: {1000 * vague / len(words):.0f}")
    print(f"comment lines in 1,000: {1000 * comments / lines:.1f}")
    print(f"commits with a body that says why: {_share(bodies, commits)}")


def _length(function: Function) -> int:
    """Lines of a function, without its docstring."""
    first = function.body[0]
    said = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)
    docstring = (first.end_lineno or first.lineno) - first.lineno + 1 if said else 0
    return (function.end_lineno or function.lineno) - function.lineno + 1 - docstring


def _words(tree: ast.Module) -> Iterator[str]:
    """The words of its docstrings, in small letters; code in them is left out."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield from re.findall(r"[a-z']+", re.sub(r"`[^`]*`", " ", node.value.value).lower())


def _comments(paths: Iterable[Path]) -> tuple[int, int]:
    """Lines that are a comment and no instruction to a tool, and all lines that are not blank."""
    comments = lines = 0
    for path in paths:
        with path.open("rb") as file:
            for token in tokenize.tokenize(file.readline):
                said = token.type == tokenize.COMMENT and not re.match(r"#\s*(noqa|type:|ruff:|!)", token.string)
                comments += said and not token.line[: token.start[1]].strip()
        lines += sum(bool(line.strip()) for line in path.read_text("utf-8").splitlines())
    return comments, lines


def _commits() -> tuple[int, int]:
    command = ["git", "log", "--no-merges", "--format=%b%x00"]
    logged = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True).stdout
    bodies = [body.strip() for body in logged.split("\0")[:-1]]
    return sum(map(bool, bodies)), len(bodies)


def _share(part: int, whole: int) -> str:
    return f"{part} of {whole} ({part / whole:.1%})"


if __name__ == "__main__":
    main()
