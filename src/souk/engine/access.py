"""What opens a result's file upstream: asked of its provider as it is fetched, because keys are stored nowhere."""

from souk.assets.ingest import IngestFailed
from souk.engine.job import current_job
from souk.engine.lease import Lease
from souk.net.http import NetError
from souk.providers.base import Access, Keyed, OutputFile, Refused, Unreachable


async def access_to(lease: Lease, output: OutputFile) -> Access:
    """What to fetch an output with. Raises IngestFailed where its key cannot be had."""
    if not output.keyed:
        return Access()
    connection = lease.connection()
    provider = lease.world.providers.get(connection.provider) if connection else None
    if connection is None or not isinstance(provider, Keyed):
        raise IngestFailed(f"the connection {lease.task.connection} has no key for the file any more")
    job = await current_job(lease, connection)
    try:
        return await provider.access(job, output.url, lease.world.http)
    except (Refused, Unreachable, NetError) as error:
        raise IngestFailed(f"no key for the file: {error}") from error
