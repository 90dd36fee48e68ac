"""What the frame answers to generated requests, good and bad, is what its OpenAPI document says."""

from typing import Any

import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import CHECKS

from tests.api.http.frame import ROUTES, framed

HONEST = [route for route in ROUTES if route.handler_name not in ("break_down", "take_anything")]
OF_STATE = (412, 428)
"""Refusals that depend on what is stored, which no schema can say."""

schema = schemathesis.openapi.from_asgi("/schema/openapi.json", framed(HONEST))


@schema.parametrize()
@settings(max_examples=20, suppress_health_check=list(HealthCheck))
def test_the_document_is_true(case: Any) -> None:
    # opaque: only answers say what is a cursor, which positions and which versions there are
    removed = [case.query.pop(name, None) for name in ("cursor", "after")] + [case.headers.pop("If-Match", None)]
    response = case.call(headers={"authorization": "Bearer admin"})
    unsayable = response.status_code in OF_STATE or "years 1 to 9999" in response.text
    excluded = [CHECKS.get_one("positive_data_acceptance")] if unsayable else []
    if any(value is not None for value in removed):
        excluded.append(CHECKS.get_one("negative_data_rejection"))
    case.validate_response(response, excluded_checks=excluded, headers={"authorization": "Bearer admin"})


def test_the_checks_are_there() -> None:
    assert {"not_a_server_error", "status_code_conformance", "response_schema_conformance"} <= set(
        CHECKS.get_all_names()
    )
