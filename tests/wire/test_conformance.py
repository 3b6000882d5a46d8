"""The server keeps to its OpenAPI document, whatever it is sent: schemathesis makes the calls and judges answers."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.wire.serving import Souk

CHECKS = (
    "no_internal_error",
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "unsupported_method",
    "allow_header_conformance",
)
"""Not among them: checks that read refusals from the HTTP status, which is 200 on the compatible wire."""
EXAMPLES_PER_OPERATION = 4
MOST_SECONDS = 30
"""Of calls; fuzzing goes on until they are spent."""
SEED = 20261122


@pytest.mark.alone("its client takes a connection that is cut for a fault of the answer")
@pytest.mark.timeout(300)
async def test_every_answer_is_as_the_document_says(souk: Souk, tmp_path: Path) -> None:
    arguments = {
        "--header": f"Authorization: Bearer {souk.client.key}",
        "--checks": ",".join(CHECKS),
        "--phases": "examples,coverage,fuzzing",
        "--max-examples": str(EXAMPLES_PER_OPERATION),
        "--max-time": str(MOST_SECONDS),
        "--seed": str(SEED),
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "schemathesis.cli", "run", f"{souk.client.url}/openapi.json"),
        *(part for argument in arguments.items() for part in argument),
        *("--continue-on-failure", "--no-color"),
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "SCHEMATHESIS_HOOKS": "tests.wire.conformance_hooks"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()[-20_000:]
