"""What definitions are called, in one language and in others."""

from collections.abc import Collection, Iterator, Mapping
from decimal import Decimal

from msgspec import Struct

from domain.values.amounts import written
from domain.values.problems import Problem

NAME_LENGTH = 200
DESCRIPTION_LENGTH = 4000
MOST_LOCALES = 100
COPIED = " (copy)"


class Text(Struct, frozen=True, gc=False, forbid_unknown_fields=True, omit_defaults=True):
    """What is shown in one locale; where one of them is not given, that of the default language."""

    name: str | None = None
    description: str | None = None


def name_of_copy(name: str) -> str:
    """The name that a copy of a definition has, as long as names may be."""
    return name[: NAME_LENGTH - len(COPIED)] + COPIED


def name_problems(name: str, pointer: str) -> Iterator[Problem]:
    if not name.strip() or len(name) > NAME_LENGTH:
        yield Problem(pointer, f"must have 1 to {NAME_LENGTH} characters, not only spaces")


def locale_problems(locales: Collection[str]) -> Iterator[Problem]:
    if len(locales) > MOST_LOCALES:
        yield Problem("/translations", f"must be at most {MOST_LOCALES} locales")
    for locale in locales:
        if not (2 <= len(locale) <= 35 and all(part.isalnum() for part in locale.split("-"))):
            yield Problem(_translation(locale), "must be a locale such as de or pt-BR")


def text_problems(name: str, description: str, translations: Mapping[str, Text]) -> Iterator[Problem]:
    """What is wrong with what a definition is called and described as."""
    yield from name_problems(name, "/name")
    yield from _description_problems(description, "/description")
    yield from locale_problems(translations)
    for locale, text in translations.items():
        pointer = _translation(locale)
        if text.name is None and text.description is None:
            yield Problem(pointer, "must have a name or a description")
        if text.name is not None:
            yield from name_problems(text.name, f"{pointer}/name")
        yield from _description_problems(text.description or "", f"{pointer}/description")


def _description_problems(description: str, pointer: str) -> Iterator[Problem]:
    if len(description) > DESCRIPTION_LENGTH:
        yield Problem(pointer, f"must have at most {DESCRIPTION_LENGTH} characters")


def _translation(locale: str) -> str:
    return f"/translations/{locale.replace('~', '~0').replace('/', '~1')}"


def several(count: int | Decimal, noun: str) -> str:
    return f"{written(Decimal(count))} {noun}{'' if count == 1 else 's'}"
