"""The visible table of described operations: a new room of the API adds its ``OPERATIONS`` and schemas here."""

from souk.api.openapi import chat, dedicated, jobs, market, records, server, suno, suno_tools, uploads
from souk.api.openapi.operation import Operation
from souk.words import JsonObject

OPERATIONS: tuple[Operation, ...] = (
    *jobs.OPERATIONS,
    *dedicated.OPERATIONS,
    *suno.OPERATIONS,
    *suno_tools.OPERATIONS,
    *chat.OPERATIONS,
    *market.OPERATIONS,
    *uploads.OPERATIONS,
    *server.OPERATIONS,
)
SCHEMAS: JsonObject = {
    **records.SCHEMAS,
    **dedicated.SCHEMAS,
    **suno.SCHEMAS,
    **suno_tools.SCHEMAS,
    **chat.SCHEMAS,
    **market.SCHEMAS,
    **uploads.SCHEMAS,
}
"""Components that descriptions refer to, by name."""
