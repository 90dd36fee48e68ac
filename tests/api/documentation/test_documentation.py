"""The API describes itself truly and completely, with nothing from elsewhere."""

import inspect
import json
import re
from pathlib import Path
from typing import Any

import pytest
from litestar.testing import AsyncTestClient

from api.documentation.openapi import describe
from api.http.problem_types import PROBLEM_TYPES
from api.http.services import ReadinessCheck
from api.routes import ROUTES
from api.routes.service.clock import CLOCK_ROUTES
from tests.api.http.frame import framed

DOCUMENTS = Path(__file__, "../../../../docs").resolve()
DESCRIBED = [*CLOCK_ROUTES, *ROUTES]


async def document() -> dict[str, Any]:
    async with AsyncTestClient(framed()) as client:
        answer = await client.get("/schema/openapi.json")
    body: dict[str, Any] = answer.json()
    return body


def resolved(whole: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in schema:
        target: Any = whole
        for part in schema["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        schema = target
    return schema


def references(node: Any) -> set[str]:
    if isinstance(node, dict):
        return {node["$ref"]} if "$ref" in node else set().union(*map(references, node.values()))
    return set().union(*map(references, node)) if isinstance(node, list) else set()


async def test_every_route_and_reference_is_there() -> None:
    whole = await document()
    assert whole["openapi"] == "3.1.0"
    assert set(whole["paths"]) == {
        "/v1/boxes", "/v1/boxes/{code}", "/v1/boxes/{code}/open", "/v1/broken", "/v1/deep", "/v1/clock",
    }  # fmt: skip
    for reference in references(whole):
        assert resolved(whole, {"$ref": reference})


async def test_a_command_is_described() -> None:
    whole = await document()
    put = whole["paths"]["/v1/boxes/{code}"]["put"]
    assert [parameter["name"] for parameter in put["parameters"]] == ["code", "If-Match", "If-None-Match"]
    assert {"200", "400", "401", "403", "404", "409", "412", "413", "415", "422", "428", "429", "503"} <= set(
        put["responses"]
    )
    body = resolved(whole, put["requestBody"]["content"]["application/json"]["schema"])
    assert body["additionalProperties"] is False
    assert body["required"] == ["name", "size"]
    assert {"string", "number"} == {form["type"] for form in body["properties"]["size"]["anyOf"]}
    assert "operator" in put["description"]


async def test_a_list_is_described() -> None:
    whole = await document()
    parameters = {p["name"]: p["schema"] for p in whole["paths"]["/v1/boxes"]["get"]["parameters"]}
    assert parameters["limit"]["maximum"] == 200
    assert "-made_at" in parameters["sort"]["enum"]
    assert parameters["status"]["enum"] == ["open", "shut"]
    assert {"after", "cursor", "q", "size[gte]", "made_at[lt]", "code[in]"} <= set(parameters)


async def test_the_pages_ask_nobody_else_for_anything() -> None:
    async with AsyncTestClient(framed()) as client:
        page = await client.get("/schema")
        problem = await client.get("/problems/stale")
        unknown = await client.get("/problems/none")
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    assert not re.findall(r'(?:src|href)="(?!/|#)', page.text + problem.text)
    assert "/v1/boxes/{code}" in page.text
    assert "If-Match" in problem.text
    assert unknown.status_code == 404


@pytest.mark.parametrize("kind", PROBLEM_TYPES.values(), ids=PROBLEM_TYPES)
def test_every_kind_of_error_is_documented(kind: Any) -> None:
    page = (DOCUMENTS / "problems.md").read_text()
    assert f"## `{kind.uri}` ({kind.status})\n\n**{kind.title}.**" in page


def test_no_other_kind_of_error_is_documented() -> None:
    documented = re.findall(r"^## `(.*?)`", (DOCUMENTS / "problems.md").read_text(), re.MULTILINE)
    assert documented == [kind.uri for kind in PROBLEM_TYPES.values()]


@pytest.mark.parametrize("route", DESCRIBED, ids=lambda route: route.handler_name)
def test_every_route_is_documented(route: Any) -> None:
    assert (inspect.getdoc(route.fn) or "").strip().endswith("."), "its docstring is its description in the document"


def test_the_document_in_the_repository_is_in_step() -> None:
    stored = json.loads((DOCUMENTS / "openapi.json").read_text("utf-8"))
    made = json.loads(json.dumps(describe(DESCRIBED)))
    different = [name for name in sorted({*made, *stored}) if made.get(name) != stored.get(name)]
    different += [
        path
        for path in sorted({*made["paths"], *stored["paths"]})
        if made["paths"].get(path) != stored["paths"].get(path)
    ]
    command = ".venv/bin/python -m api.documentation.openapi > docs/openapi.json"
    assert not different, f"docs/openapi.json is not what the routes say; make it anew: {command}"


async def test_health_and_metrics() -> None:
    async with AsyncTestClient(framed()) as client:
        assert (await client.get("/health/live")).json() == {"live": True}
        assert (await client.get("/health/ready")).json() == {"ready": True, "checks": []}
        await client.get("/v1/boxes/M-7", headers={"authorization": "Bearer admin"})
        await client.get("/v1/nothing/M-7")
        metrics = (await client.get("/metrics")).text
    assert 'laurel_http_request_seconds_count{method="GET",route="/v1/boxes/{code}",status="404"} 1.0' in metrics
    assert 'route="unmatched"' in metrics
    assert "M-7" not in metrics


async def test_a_check_that_fails_is_told() -> None:
    async def away() -> list[ReadinessCheck]:
        return [ReadinessCheck("database", ok=False, detail="away")]

    async with AsyncTestClient(framed(checks=away)) as client:
        answer = await client.get("/health/ready")
    assert answer.status_code == 503
    assert answer.json() == {"ready": False, "checks": [{"name": "database", "ok": False, "detail": "away"}]}
