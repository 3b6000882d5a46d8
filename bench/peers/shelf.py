"""What every peer keeps of a task: a row in PostgreSQL and a synced file. Runs in the peers' own environment."""

import os
from pathlib import Path

UPSTREAM = os.environ["PEER_UPSTREAM"]
DATABASE = os.environ["PEER_DATABASE"]
FILES = Path(os.environ["PEER_FILES"])
BODY = {"model": "nano-banana-2", "input": {"prompt": "A paper lantern over a quiet harbour at dusk"}}
CREATE = f"{UPSTREAM}/api/v1/jobs/createTask"
FIRST_POLL_SECONDS = float(os.environ["PEER_SECONDS"])
POLL_SECONDS = 0.02

TABLE = """CREATE TABLE IF NOT EXISTS work (id text PRIMARY KEY, state text NOT NULL, ref text, credits int,
made_at timestamptz DEFAULT clock_timestamp(), ended_at timestamptz)"""
NEW = "INSERT INTO work (id, state) VALUES (%s, 'waiting')"
SUBMITTED = "UPDATE work SET state = 'generating', ref = %s WHERE id = %s"
ENDED = "UPDATE work SET state = 'success', credits = 8, ended_at = clock_timestamp() WHERE id = %s"


def record_of(ref: str) -> str:
    return f"{UPSTREAM}/api/v1/jobs/recordInfo?taskId={ref}"


def store(task_id: str, data: bytes) -> None:
    """Write a result for good."""
    with (FILES / f"{task_id}.png").open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
