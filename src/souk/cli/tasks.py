"""``souk tasks``: any task of any account, its whole story, and what can be done to it."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from souk.cli.callers import task_owner
from souk.cli.opening import Loaded, actor, load, named, open_house, run
from souk.cli.options import AccountName, AsJson, DataDir, InSandbox
from souk.cli.show import credits, moment, out, show, table
from souk.words import Mode, credits_to_number

if TYPE_CHECKING:
    from souk.operations.records import Record
    from souk.operations.stories import Story

tasks = typer.Typer(
    help="List tasks, tell a task's story, cancel, redeliver, keep, delete.", no_args_is_help=True
)

TaskNumber = Annotated[str, typer.Argument(metavar="TASK", help="The task's id.")]


@tasks.command("list")
def list_tasks(
    account: AccountName = "",
    sandbox: InSandbox = False,
    state: Annotated[str, typer.Option(help="waiting, queuing, generating, success or fail.")] = "",
    model: Annotated[str, typer.Option(help="Only tasks of this model.")] = "",
    before: Annotated[str, typer.Option(metavar="TASK", help="Only tasks older than this one.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=100, help="How many.")] = 20,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """List an account's tasks, newest first."""
    mode = Mode.SANDBOX if sandbox else None
    records = run(_list(load(data_dir), account, mode, state, model, before, limit))
    head = ("Task", "Model", "Mode", "State", "Credits", "Created", "Ended", "Why")
    lines = (
        (
            record.task_id,
            record.model,
            record.mode,
            record.state,
            credits(record.credits),
            moment(record.created_at),
            moment(record.completed_at),
            record.fail_message[:60],
        )
        for record in records
    )
    show(as_json, list(map(plain_record, records)), lambda: table(head, lines, "no tasks"))


async def _list(
    loaded: Loaded, account: str, mode: Mode | None, state: str, model: str, before: str, limit: int
) -> "list[Record]":
    from souk.operations.discretion import discreet_record
    from souk.operations.types import Caller
    from souk.words import KeyId, Scope

    async with open_house(loaded) as house:
        owner = await house.admin(actor()).accounts.get(await named(house.admin(actor()), account))
        caller = Caller(owner.id, KeyId(0), mode or Mode.LIVE, Scope.ADMIN, actor())
        records: list[Record] = []
        after: str | None = before or None
        while len(records) < limit:
            page = await house.operations.list(
                caller, limit=limit - len(records), before=after, state=state or None, model=model or None
            )
            records += map(discreet_record, page.records)
            after = page.next
            if after is None:
                break
        return records


@tasks.command("show")
def show_task(task: TaskNumber, as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """Tell a task's story: attempts, every try of its callbacks, ledger entries, files."""
    story = run(_story(load(data_dir), task))
    from souk.cli.story import tell

    show(as_json, plain_story(story), lambda: tell(story))


async def _story(loaded: Loaded, task_id: str) -> "Story":
    from souk.operations.discretion import discreet_story
    from souk.operations.stories import story_of

    async with open_house(loaded) as house:
        task, _ = await task_owner(house, task_id)
        story = await house.reads.run(lambda connection: story_of(connection, task, house.public_url))
        return discreet_story(story)


@tasks.command("cancel")
def cancel(task: TaskNumber, as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """Ask that a task stops. Only what the engine or the upstream confirms is cancelled."""

    async def work(loaded: Loaded) -> str:
        async with open_house(loaded) as house:
            _, owner = await task_owner(house, task)
            return (await house.operations.cancel(owner, task)).value

    answer = run(work(load(data_dir)))
    words = {
        "cancelled": "cancelled; its credits are released",
        "requested": "asked for; follow it with `souk tasks show`",
        "too_late": "too late; it has ended or runs on",
    }
    show(as_json, {"task_id": task, "answer": answer}, lambda: out(words.get(answer, answer)))
    if answer == "too_late":
        raise typer.Exit(1)


@tasks.command("redeliver")
def redeliver(task: TaskNumber, as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """Send a task's callbacks again, delivered or not."""

    async def work(loaded: Loaded) -> int:
        async with open_house(loaded) as house:
            _, owner = await task_owner(house, task)
            return await house.operations.redeliver(owner, task)

    count = run(work(load(data_dir)))
    told = f"{count} callback(s) are due again" if count else "the task has no callbacks"
    show(as_json, {"task_id": task, "callbacks": count}, lambda: out(told))
    if not count:
        raise typer.Exit(1)


@tasks.command("keep")
def keep(
    task: TaskNumber,
    undo: Annotated[bool, typer.Option("--undo", help="Let it expire after all.")] = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Keep a task and its files past their time."""

    async def work(loaded: Loaded) -> None:
        async with open_house(loaded) as house:
            _, owner = await task_owner(house, task)
            await house.operations.keep(owner, task, not undo)

    run(work(load(data_dir)))
    told = f"{task} expires at its time" if undo else f"{task} is kept"
    show(as_json, {"task_id": task, "keep": not undo}, lambda: out(told))


@tasks.command("delete")
def delete(task: TaskNumber, as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """Delete a finished task and its files now. The ledger keeps what it cost."""

    async def work(loaded: Loaded) -> None:
        async with open_house(loaded) as house:
            _, owner = await task_owner(house, task)
            await house.operations.delete(owner, task)

    run(work(load(data_dir)))
    show(as_json, {"task_id": task, "deleted": True}, lambda: out(f"{task} is deleted"))


def plain_record(record: "Record") -> dict[str, Any]:
    """A record as JSON has it, with credits as numbers."""
    import json

    import msgspec

    plain: dict[str, Any] = msgspec.to_builtins(record)
    plain["credits"] = None if record.credits is None else credits_to_number(record.credits)
    plain["result"] = json.loads(record.result) if record.result else None
    return plain


def plain_story(story: "Story") -> dict[str, Any]:
    """A story as JSON has it, with credits as numbers."""
    import msgspec

    plain: dict[str, Any] = msgspec.to_builtins(story)
    plain |= {"record": plain_record(story.record), "hold": credits_to_number(story.hold)}
    for entry in plain["ledger"]:
        entry |= {name: credits_to_number(entry[name]) for name in ("amount", "returned")}
    return plain
