"""What a task makes of the reports about it: its provider says what each means, and none is taken on faith."""

from dataclasses import replace

from souk.engine.reports import Report, from_row
from souk.engine.upstream import Upstream
from souk.providers.base import Accepted, Hint, Job, Reply, Reporting, Running, WebhookRequest
from souk.store import hints


async def hear(upstream: Upstream, job: Job) -> Hint | Reply | None:
    """What the upstream has said by itself since it was last heard; None if nothing of it is about this task.

    Of many reports, one that tells of the end counts most, then the latest verdict, then a hint.
    """
    lease = upstream.lease
    if not lease.reports:
        await _recall(upstream)
    lease.hint.clear()
    reports, lease.reports = lease.reports, ()
    said: Hint | Reply | None = None
    for report in reports:
        word = await _meaning(upstream, job, report)
        if word is None or (isinstance(said, Reply) and not isinstance(said.verdict, Running)):
            continue
        said = word if isinstance(word, Reply) or said is None else said
    if said is not None:
        upstream.is_telling(job.connection)
    return said


async def acceptance(upstream: Upstream, job: Job) -> Accepted | None:
    """Whether a report shows that the upstream took a submit whose answer was lost.

    Nobody but the upstream was told the address of the attempt, and a report that names a task there proves that there
    is one.
    """
    lease = upstream.lease
    await _recall(upstream)
    lease.hint.clear()
    for report in lease.reports:
        word = await _meaning(upstream, job, report)
        if word is not None and word.ref:
            lease.log("a report shows that the submit was taken", ref=word.ref)
            # It is heard again, to the end, once the task is followed.
            lease.hint.set()
            return Accepted(word.ref)
    return None


async def _recall(upstream: Upstream) -> None:
    """Look for a report that another process was told, or this one before it fell."""
    lease = upstream.lease
    row = await upstream.world.reads.run(lambda db: hints.of_task(db, lease.id))
    if row is not None:
        lease.tell(from_row(row))


async def _meaning(upstream: Upstream, job: Job, report: Report) -> Hint | Reply | None:
    lease, provider = upstream.lease, upstream.world.providers[job.connection.provider]
    if report.attempt_id != lease.task.attempt_id or not isinstance(provider, Reporting):
        return None
    if report.body is None:
        return Hint()
    job = replace(job, now=report.at)
    request = WebhookRequest(job, lease.task.ref or "", report.headers, report.body)
    try:
        return await provider.webhook(request, upstream.world.http)
    except Exception as error:  # noqa: BLE001 - whatever is wrong with a report, polling goes on
        lease.log("report not understood", reason=str(error))
        return None
