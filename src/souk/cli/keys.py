"""``souk keys``: API keys, and what each may spend and from where."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from souk.cli import options
from souk.cli.failure import complain
from souk.cli.opening import named, with_admin
from souk.cli.options import AccountName, AsJson, DataDir
from souk.cli.show import credits, facts, moment, out, out_json, show, table
from souk.words import Credits, KeyId, Mode, Scope, credits_to_number

if TYPE_CHECKING:
    from souk.operations.admin import Admin
    from souk.store.keys import KeyRow

keys = typer.Typer(help="Make, list, limit and revoke API keys.", no_args_is_help=True)

KeyNumber = Annotated[int, typer.Argument(metavar="ID", help="The key's number, from `souk keys list`.")]


def _cap(window: str) -> Any:
    help_text = f"Most credits it may spend {window}; `none` for no cap."
    return typer.Option(metavar="CREDITS", parser=options.cap, help=help_text, show_default=False)


Hourly = Annotated[Credits | None, _cap("per UTC hour")]
Daily = Annotated[Credits | None, _cap("per UTC day")]
Total = Annotated[Credits | None, _cap("in all")]
AllowIp = Annotated[
    list[str] | None,
    typer.Option("--allow-ip", metavar="CIDR", help="Address or network it may be used from; repeatable."),
]


@keys.command("create")
def create(
    account: AccountName = "",
    name: Annotated[str, typer.Option(help="What people call it.")] = "key",
    sandbox: Annotated[
        bool, typer.Option("--sandbox", help="Its tasks only ever run in the sandbox.")
    ] = False,
    scope: Annotated[Scope, typer.Option(help="What it may do.")] = Scope.USER,
    cap_hourly: Hourly = None,
    cap_daily: Daily = None,
    cap_total: Total = None,
    allow_ip: AllowIp = None,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Make a key. Its text is printed once, on stdout, and kept nowhere."""
    mode = Mode.SANDBOX if sandbox else Mode.LIVE

    async def work(admin: "Admin") -> None:
        from souk.operations.admin import KeyRules

        rules = KeyRules(cap_hourly, cap_daily, cap_total, tuple(allow_ip or ()))
        owner = await named(admin, account)
        made = await admin.keys.create(owner, name, mode=mode, scope=scope, rules=rules)
        if as_json:
            out_json({"key": made.text, **_plain(made.row)})
            return
        out(made.text)
        complain(f"this is key {made.row.id} of {owner} ({mode}, {scope}); it is not shown again")

    with_admin(data_dir, work, create=True)


@keys.command("list")
def list_keys(account: AccountName = "", as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """List an account's keys, revoked ones too."""

    async def work(admin: "Admin") -> "list[KeyRow]":
        return await admin.keys.list(await named(admin, account))

    rows = with_admin(data_dir, work)
    head = ("ID", "Name", "Key", "Mode", "Scope", "Spent", "Caps", "From", "State", "Made")
    lines = (
        (
            row.id,
            row.name,
            row.hint,
            row.mode,
            row.scope,
            credits(row.total_spent),
            _caps(row),
            ", ".join(row.allow_ips) or "anywhere",
            "revoked" if row.disabled else "valid",
            moment(row.created_at),
        )
        for row in rows
    )
    show(
        as_json, list(map(_plain, rows)), lambda: table(head, lines, "no keys; `souk keys create` makes one")
    )


@keys.command("show")
def show_key(key_id: KeyNumber, as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """Show one key, but for its text, which is kept nowhere."""
    row = with_admin(data_dir, lambda admin: admin.keys.get(KeyId(key_id)))
    _print(row, as_json)


@keys.command("limit")
def limit(
    key_id: KeyNumber,
    cap_hourly: Hourly = None,
    cap_daily: Daily = None,
    cap_total: Total = None,
    allow_ip: AllowIp = None,
    no_caps: Annotated[bool, typer.Option("--no-caps", help="Take all caps away first.")] = False,
    any_ip: Annotated[bool, typer.Option("--any-ip", help="Let it be used from anywhere.")] = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Change what a key may spend and from where. What is not named stays."""
    given = {"cap_hourly": cap_hourly, "cap_daily": cap_daily, "cap_total": cap_total}
    change: dict[str, Any] = {name: cap for name, cap in given.items() if no_caps or cap is not None}
    if allow_ip or any_ip:
        change["allow_ips"] = tuple(allow_ip or ())
    row = with_admin(data_dir, lambda admin: admin.keys.rule(KeyId(key_id), change))
    _print(row, as_json)


@keys.command("revoke")
def revoke(
    key_id: KeyNumber,
    undo: Annotated[bool, typer.Option("--undo", help="Make a revoked key valid again.")] = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Make a key useless, in every process within two seconds."""
    row = with_admin(data_dir, lambda admin: admin.keys.revoke(KeyId(key_id), not undo))
    _print(row, as_json)


def _print(row: "KeyRow", as_json: bool) -> None:
    people = {
        "id": row.id,
        "name": row.name,
        "key": row.hint,
        "mode": row.mode,
        "scope": row.scope,
        "state": "revoked" if row.disabled else "valid",
        "spent": credits(row.total_spent),
        "caps": _caps(row),
        "from": ", ".join(row.allow_ips) or "anywhere",
        "made": moment(row.created_at),
    }
    show(as_json, _plain(row), lambda: facts(people))


def _caps(row: "KeyRow") -> str:
    caps = {"hour": row.cap_hourly, "day": row.cap_daily, "all": row.cap_total}
    return ", ".join(f"{credits(cap)}/{name}" for name, cap in caps.items() if cap is not None) or "none"


def _plain(row: "KeyRow") -> dict[str, Any]:
    amounts = {
        name: None if value is None else credits_to_number(value)
        for name, value in (
            ("cap_hourly", row.cap_hourly),
            ("cap_daily", row.cap_daily),
            ("cap_total", row.cap_total),
            ("spent", row.total_spent),
        )
    }
    return {
        "id": row.id,
        "account_id": row.account_id,
        "name": row.name,
        "hint": row.hint,
        "mode": row.mode,
        "scope": row.scope,
        "revoked": row.disabled,
        **amounts,
        "allow_ips": row.allow_ips,
        "created_at": row.created_at,
    }
