"""The README's tour runs against the real server in its order; commands and settings are in the operations' page."""

import json
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from api.cli import main
from application.service.settings import SETTINGS
from examples.service import sandbox

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text()
OPERATIONS = (ROOT / "docs" / "operations.md").read_text()
BLOCK = re.compile(r"^```(http|json)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Example(NamedTuple):
    method: str
    path: str
    body: Any
    answer: Any
    """What the answer must hold, at least."""


def examples() -> Iterator[Example]:
    blocks = [(kind, text) for kind, text in BLOCK.findall(README)] + [("http", "")]
    for (kind, text), (following, answer) in pairwise(blocks):
        if kind == "http":
            line, _, body = text.partition("\n")
            method, path = line.split()
            expected = json.loads(answer) if following == "json" else {}
            yield Example(method, path, json.loads(body) if body.strip() else None, expected)


def differences(expected: Any, found: Any, at: str = "") -> Iterator[str]:
    """Where `found` lacks what is expected of it; lists are compared entry by entry as far as they are given."""
    if isinstance(expected, dict) and isinstance(found, dict):
        for key, value in expected.items():
            yield from differences(value, found.get(key), f"{at}/{key}")
    elif isinstance(expected, list) and isinstance(found, list) and len(expected) <= len(found):
        for index, value in enumerate(expected):
            yield from differences(value, found[index], f"{at}/{index}")
    elif expected != found:
        yield f"{at or '/'}: {found!r}, not {expected!r}"


def test_the_tour_runs() -> None:
    tour = list(examples())
    assert len(tour) >= 10
    with sandbox() as service:
        for example in tour:
            status, answer = service.exchange(example.method, example.path, example.body)
            found = list(differences(example.answer, answer))
            assert not found, f"{example.method} {example.path} answers {status}: {found}\n{answer}"
            assert status < 400 or "status" in example.answer, answer


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_every_setting_is_documented(setting: Any) -> None:
    assert f"`{setting.variable}`" in OPERATIONS
    assert setting.description in OPERATIONS


@pytest.mark.parametrize("command", main.commands)
def test_every_command_is_documented(command: str) -> None:
    assert f"laurel {command}" in OPERATIONS
