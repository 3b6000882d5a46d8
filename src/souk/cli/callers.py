"""On whose behalf a command acts: as a key of an account, or as the owner of a given task."""

from typing import TYPE_CHECKING

from souk.cli.failure import Failure
from souk.cli.opening import actor, named
from souk.words import AccountId, KeyId, Mode, Scope, TaskId

if TYPE_CHECKING:
    from souk.house import House
    from souk.operations.types import Caller
    from souk.store.tasks import TaskRow


async def key_holder(house: "House", account: str, mode: Mode) -> "Caller":
    """The account, through the first of its valid keys of this mode. Raises Failure if it has none."""
    from souk.operations.types import Caller

    admin = house.admin(actor())
    name = await named(admin, account)
    owner = await admin.accounts.get(name)
    if owner.disabled:
        raise Failure(f"the account {name} is disabled; `souk accounts enable {name}` opens it")
    for key in await admin.keys.list(name):
        if key.mode is mode and not key.disabled:
            return Caller(
                account_id=owner.id,
                key_id=key.id,
                mode=mode,
                scope=Scope.ADMIN,
                name=actor(),
                segment=owner.segment,
                max_waiting=owner.max_waiting,
                rate_creates=owner.rate_creates,
            )
    sandbox = " --sandbox" if mode is Mode.SANDBOX else ""
    raise Failure(f"{name} has no {mode} key; `souk keys create --account {name}{sandbox}` makes one")


async def task_owner(house: "House", task_id: str) -> "tuple[TaskRow, Caller]":
    """A task, whoever's it is, and its owner. Raises NoSuch."""
    from souk.operations.admin import NoSuch
    from souk.operations.types import Caller

    task = await house.reads.task(TaskId(task_id))
    if task is None:
        raise NoSuch(f"there is no task {task_id[:64]}; `souk tasks list` shows the latest")
    mode = Mode(task.mode)
    return task, Caller(AccountId(task.account_id), KeyId(task.key_id), mode, Scope.ADMIN, actor())
