"""What the chat bench compares: the upstream itself, a bare proxy, Souk, and LiteLLM in an environment of its own."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from bench.servers import Server, clean_env, free_port, module, process, souk

LITELLM = Path(tempfile.gettempdir()) / "souk-bench-litellm"
LITELLM_KEY = "sk-bench-0123456789"
INSTALL_SECONDS = 600
PATH = "/v1/chat/completions"


def upstream() -> AbstractContextManager[Server]:
    """The fake maker."""
    return module("bench.chat_upstream")


def bare_proxy(maker: Server) -> AbstractContextManager[Server]:
    """Bare ASGI and aiohttp."""
    return module("bench.chat_proxy", f"http://127.0.0.1:{maker.port}")


@contextmanager
def souk_chat(maker: Server) -> Generator[tuple[Server, str]]:
    """Souk with everything on, one worker: accounts, keys with caps, prices, metering. The server and a capped key."""
    connection = {"OPENAI_API_KEY": "upstream", "SOUK_OPENAI_BASE_URL": f"http://127.0.0.1:{maker.port}"}
    with souk(None, "--no-engine", **connection) as server:
        made = subprocess.run(
            [
                *(Path(sys.executable).with_name("souk"), "keys", "create", "--data-dir", server.folder),
                *("--cap-hourly", "100000000", "--cap-daily", "100000000", "--cap-total", "100000000"),
            ],
            env=clean_env({}),
            check=True,
            capture_output=True,
            text=True,
        )
        yield server, made.stdout.split()[-1]


@contextmanager
def litellm(maker: Server) -> Generator[Server]:
    """LiteLLM's proxy, one worker, with its master key. Raises Unavailable when it cannot be installed."""
    program = _installed()
    folder = Path(tempfile.mkdtemp(prefix="souk-bench-"))
    config = {
        "model_list": [
            {
                "model_name": "gpt-5-2",
                "litellm_params": {
                    "model": "openai/gpt-5.2",
                    "api_base": f"http://127.0.0.1:{maker.port}/v1",
                    "api_key": "upstream",
                },
            }
        ],
        "general_settings": {"master_key": LITELLM_KEY},
        "litellm_settings": {"telemetry": False},
    }
    (folder / "config.yaml").write_text(json.dumps(config))
    port = free_port()
    command = [str(program), "--config", str(folder / "config.yaml"), "--host", "127.0.0.1"]
    quiet = {"LITELLM_LOG": "ERROR", "LITELLM_MODE": "PRODUCTION", "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    command += ["--port", str(port), "--num_workers", "1"]
    try:
        with process(command, clean_env(quiet), folder / "log", port, "/health/liveliness") as (pid, took):
            yield Server(pid, port, took, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class Unavailable(Exception):
    """Something to compare with cannot be had here."""


def _installed() -> Path:
    """LiteLLM's program, installed into an environment of its own if it is not there yet."""
    program = LITELLM / "bin" / "litellm"
    if program.exists():
        return program
    steps = (
        [sys.executable, "-m", "venv", str(LITELLM)],
        [str(LITELLM / "bin" / "python"), "-m", "pip", "install", "--quiet", "litellm[proxy]"],
    )
    for step in steps:
        done = subprocess.run(
            step, env=dict(os.environ), capture_output=True, text=True, timeout=INSTALL_SECONDS
        )
        if done.returncode:
            shutil.rmtree(LITELLM, ignore_errors=True)
            raise Unavailable(f"LiteLLM cannot be installed: {done.stderr.strip()[-300:]}")
    return program
