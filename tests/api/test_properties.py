"""Whatever the API's own document allows, and what it forbids, is answered as the document says, and never by a 5xx."""

import shutil

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import load_all_checks, not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from storage.database.settings import Settings
from tests.api.servers import api_command, serving

pytestmark = pytest.mark.slow

load_all_checks()
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
OPERATIONS = [
    *(("POST", path) for path in ("/predict", "/predictions", "/labels", "/retrain")),
    *(("GET", path) for path in ("/drift-check", "/retrain/{job_id}", "/health", "/metrics")),
]


@pytest.fixture(scope="module")
def server(served, tmp_path_factory):
    """The address of a server whose model answers."""
    folder = tmp_path_factory.mktemp("properties")
    shutil.copytree(served, folder, dirs_exist_ok=True)
    settings = Settings(
        database_url=f"sqlite:///{folder}/drift.db", artifacts=folder / "models", worker="external", demo=False
    )
    with serving(api_command(), settings, folder) as (client, _):
        yield str(client.base_url).rstrip("/")


@pytest.fixture
def schema(server):
    """The API as its document describes it."""
    return schemathesis.openapi.from_url(f"{server}/openapi.json")


def test_every_route_is_tried(schema):
    found = [(one.ok().method.upper(), one.ok().path) for one in schema.get_all_operations()]
    assert sorted(found) == sorted(OPERATIONS)


# Where nothing is taken, nothing is forbidden.
TRIED = [
    *((*operation, GenerationMode.POSITIVE) for operation in OPERATIONS),
    *((*operation, GenerationMode.NEGATIVE) for operation in OPERATIONS if operation[1] not in ("/health", "/metrics")),
]


@pytest.mark.parametrize(("method", "path", "mode"), TRIED)
def test_no_request_brings_the_server_down(schema, request, method, path, mode):
    n_cases = request.config.getoption("--api-cases") // len(TRIED)
    quiet = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.function_scoped_fixture]

    @settings(max_examples=n_cases, deadline=None, suppress_health_check=quiet, derandomize=True, database=None)
    @given(case=schema[path][method].as_strategy(generation_mode=mode))
    def answered_as_described(case):
        response = case.call()
        case.validate_response(response, checks=CHECKS)

    answered_as_described()
