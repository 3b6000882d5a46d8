"""``souk rekey``: another secret key in the place of the present one, while Souk runs.

Three steps, for processes must know both keys before anything is sealed with the new one. A key from the settings is
given by whoever looks after those; for one in the key file the first and the last step are options of this command.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from souk.cli.failure import Exit, Failure, complain
from souk.cli.opening import Desk, load, open_desk, run
from souk.cli.options import AsJson, DataDir
from souk.cli.show import out, show

if TYPE_CHECKING:
    from souk.operations.admin import Exchange
    from souk.settings import Settings

_TAKES_BOTH = (
    "set SOUK_SECRET_KEY to a new key (openssl rand -hex 32) and SOUK_SECRET_KEY_BEFORE to the present one, restart "
    "every process, then run `souk rekey` with the same settings"
)


def rekey(
    prepare: Annotated[
        bool,
        typer.Option("--prepare", help="First step: put a new key into secret.key, beside the present one."),
    ] = False,
    finish: Annotated[
        bool, typer.Option("--finish", help="Last step: take the former key out of secret.key.")
    ] = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Seal all secrets with the new secret key. Every running process must know it and the one before."""
    settings = load(data_dir).settings
    if prepare and finish:
        raise Failure("one step at a time: --prepare, then none, then --finish", Exit.USAGE)
    if prepare:
        run(_prepare(settings))
        told = "secret.key has a new key, beside the present one; restart Souk, then run `souk rekey`"
        show(as_json, {"prepared": True}, lambda: out(told))
        return
    done = run(_finish(settings) if finish else _exchange(settings))
    if finish:
        show(as_json, done, lambda: out("the former key is out of secret.key; restart Souk"))
        return
    sealed = f"the webhook keys of {done.accounts} account(s) are sealed with the new secret key"
    show(as_json, done, lambda: out(f"{sealed}; {done.changed} were not before"))
    if not as_json:
        complain(_what_next(settings))


async def _prepare(settings: "Settings") -> None:
    """Put a new key into the key file. Raises Failure."""
    from souk.accounts.secrets import joined, new_secret_key, parted, rewrite_key_file

    place = _key_file(settings)
    async with open_desk(settings) as desk:
        if desk.box.changing:
            raise Failure(
                "there are two keys already; run `souk rekey`, then `souk rekey --finish`", Exit.NEGATIVE
            )
        await desk.admin.secret_keys.check()
    present, _ = parted(place.read_text(encoding="utf-8"))
    rewrite_key_file(place, joined(new_secret_key(), present))


async def _exchange(settings: "Settings") -> "Exchange":
    """Seal everything with the newest key. Raises Failure, Refusal or SecretKeyError."""
    async with open_desk(settings) as desk:
        if not desk.box.changing:
            first = _TAKES_BOTH if _given(settings) else "run `souk rekey --prepare`, and restart Souk"
            raise Failure(f"there is no other key than the one in use; first {first}", Exit.USAGE)
        _check_restarted(settings)
        _check_all_know(desk)
        return await desk.admin.secret_keys.exchange()


def _check_all_know(desk: Desk) -> None:
    """Make sure that every connected process says that it knows the new key. On SQLite none can. Raises Failure."""
    from souk.store.others import staying_without

    if others := staying_without(desk.database, desk.box.badges[0]):
        told = "; ".join(f"{each}, {each.connections} connection(s)" for each in others)
        raise Failure(
            f"processes that do not know the new secret key, or are too old to say so, are connected: {told}; restart "
            "them with both keys, or their callbacks fail",
            Exit.CONFIGURATION,
        )


def _check_restarted(settings: "Settings") -> None:
    """Make sure that no process of this folder runs which read the key file before the new key was put in."""
    from souk.accounts.secrets import FILE_NAME
    from souk.engine.slot import held_since

    since = held_since(settings.data_dir / "slots")
    if not _given(settings) and since and since < (settings.data_dir / FILE_NAME).stat().st_mtime:
        raise Failure(
            f"a souk process runs in {settings.data_dir} that was started before the new key was there; restart it, "
            "or its callbacks fail",
            Exit.CONFIGURATION,
        )


async def _finish(settings: "Settings") -> "Exchange":
    """Take the former key out of the key file. Raises Failure, or SecretKeyError if something needs it."""
    from souk.accounts.secrets import joined, parted, rewrite_key_file
    from souk.operations.admin import Exchange

    place = _key_file(settings)
    newest, before = parted(place.read_text(encoding="utf-8"))
    if not before:
        raise Failure(f"{place} holds one key only", Exit.NEGATIVE)
    async with open_desk(settings) as desk:
        accounts = await desk.admin.secret_keys.check()
    rewrite_key_file(place, joined(newest))
    return Exchange(accounts=accounts, changed=0)


def _key_file(settings: "Settings") -> Path:
    """Where the key lies. Raises Failure if it comes from the settings."""
    from souk.accounts.secrets import FILE_NAME

    if _given(settings):
        raise Failure(
            f"the secret key comes from SOUK_SECRET_KEY, not from secret.key; {_TAKES_BOTH}", Exit.USAGE
        )
    return settings.data_dir / FILE_NAME


def _given(settings: "Settings") -> bool:
    return bool(settings.secret_key.get_secret_value())


def _what_next(settings: "Settings") -> str:
    last = (
        "take SOUK_SECRET_KEY_BEFORE out of the settings"
        if settings.secret_key_before.get_secret_value()
        else "run `souk rekey --finish`"
    )
    return (
        "links of `download-url` that were made before work for 20 minutes more. After that, best once the tasks now "
        f"under way have ended: {last}, and restart every process. Backups made before need the former key"
    )
