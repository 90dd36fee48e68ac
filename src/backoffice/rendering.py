"""Pages made from the templates of all rooms, with the words of each noun."""

from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

from backoffice.achievements import words as achievement_words
from backoffice.campaigns import words as campaign_words
from backoffice.facts import words as outcome_words
from backoffice.frame import conditions
from backoffice.frame.assets import address
from backoffice.frame.figures import counted, figure, signed, total
from backoffice.frame.writing import ZonedTimes, in_path, relative, share, span
from backoffice.tiered import words as tiered_words
from domain.campaigns.campaign import status
from domain.values.amounts import written

ROOMS = ("frame", "home", "tiered", "achievements", "campaigns", "decisions", "members")
"""Those with templates; a template's name is in one of them alone."""

_environment = Environment(
    loader=ChoiceLoader([PackageLoader(f"backoffice.{room}") for room in ROOMS]),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
    undefined=StrictUndefined,
    auto_reload=False,
)
_environment.globals |= {"asset": address, "relative": relative, "span": span, "share": share, "total": total}
_environment.globals |= {
    "words": tiered_words,
    "conditions": conditions,
    "goals": achievement_words,
    "offers": campaign_words,
}
_environment.globals |= {"outcomes": outcome_words, "campaign_status": status}
_environment.filters |= {"figure": figure, "counted": counted, "signed": signed, "in_path": in_path, "plain": written}


def render(template: str, zone: ZoneInfo, values: dict[str, Any]) -> str:
    """A page; `values` are what its template names."""
    return _environment.get_template(template).render(values, times=ZonedTimes(zone, values["now"]), zone=zone.key)
