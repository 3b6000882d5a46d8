"""The operator at the command line: keys, accounts, credits. Each command's good end and its bad one."""

from pathlib import Path

import pytest

from tests.unit.command import Command, souk_on


@pytest.fixture
def souk(
    tmp_path: Path,
    migrated_url: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Command:
    command = souk_on(tmp_path, migrated_url, monkeypatch, capsys)
    command.good("accounts", "create", "shop")  # makes the first account as well
    return command


def test_made_key_is_printed_alone_and_once(souk: Command) -> None:
    made = souk.good("keys", "create", "--account", "shop", "--name", "till")
    assert made.out.startswith("sk-souk-")
    assert len(made.out.split()) == 1
    assert made.out.strip() not in souk.good("keys", "list", "--account", "shop", "--json").out


def test_key_takes_its_rules_as_decimals_and_networks(souk: Command) -> None:
    rules = ("--cap-hourly", "0.05", "--cap-daily", "12.5", "--cap-total", "100", "--allow-ip", "10.0.0.0/8")
    made = souk.good("keys", "create", "--sandbox", "--scope", "admin", *rules, "--json").json
    shown = souk.good("keys", "show", made["id"], "--json").json
    assert (shown["cap_hourly"], shown["cap_daily"], shown["cap_total"]) == (0.05, 12.5, 100.0)
    assert (shown["mode"], shown["scope"], shown["allow_ips"]) == ("sandbox", "admin", ["10.0.0.0/8"])


def test_key_changes_only_what_is_named(souk: Command) -> None:
    key = souk.good("keys", "create", "--cap-daily", "5", "--cap-total", "9", "--json").json["id"]
    souk.good("keys", "limit", key, "--cap-hourly", "1.5", "--allow-ip", "127.0.0.1")
    shown = souk.good("keys", "limit", key, "--no-caps", "--cap-total", "8", "--json").json
    assert (shown["cap_hourly"], shown["cap_daily"], shown["cap_total"]) == (None, None, 8.0)
    assert shown["allow_ips"] == ["127.0.0.1/32"]


def test_revoked_key_can_be_made_valid_again(souk: Command) -> None:
    key = souk.good("keys", "create", "--json").json["id"]
    assert souk.good("keys", "revoke", key, "--json").json["revoked"] is True
    assert "revoked" in souk.good("keys", "list").out
    assert souk.good("keys", "revoke", key, "--undo", "--json").json["revoked"] is False


def test_unknown_key_is_not_found(souk: Command) -> None:
    answer = souk("keys", "show", 999)
    assert (answer.code, answer.out) == (4, "")
    assert "999" in answer.err


@pytest.mark.parametrize(
    ("rule", "value"),
    [("--cap-daily", "lots"), ("--cap-daily", "-1"), ("--cap-total", "nan"), ("--scope", "king")],
)
def test_rule_that_makes_no_sense_is_a_usage_error(souk: Command, rule: str, value: str) -> None:
    answer = souk("keys", "create", rule, value)
    assert answer.code == 2
    assert value in answer.err or "cap" in answer.err


def test_network_that_is_none_is_refused_by_name(souk: Command) -> None:
    answer = souk("keys", "create", "--allow-ip", "office")
    assert answer.code == 1
    assert "office" in answer.err


def test_accounts_are_listed_with_their_credits(souk: Command) -> None:
    listed = souk.good("accounts", "list", "--json").json
    assert [(row["name"], row["balances"]["live"]["available"]) for row in listed] == [
        ("main", 10_000.0),
        ("shop", 0.0),
    ]


def test_account_name_is_taken_once(souk: Command) -> None:
    answer = souk("accounts", "create", "shop")
    assert answer.code == 1
    assert "shop" in answer.err


def test_account_limits_change_and_go_back(souk: Command) -> None:
    souk.good("accounts", "limits", "shop", "--concurrency", "3", "--rate-creates", "0")
    shown = souk.good("accounts", "limits", "shop", "--concurrency", "default", "--json").json
    assert (shown["concurrency"], shown["max_waiting"], shown["rate_creates"]) == (None, None, 0)


def test_limit_that_is_no_number_is_a_usage_error(souk: Command) -> None:
    assert souk("accounts", "limits", "shop", "--concurrency", "many").code == 2


def test_account_closes_and_opens(souk: Command) -> None:
    assert souk.good("accounts", "disable", "shop", "--json").json["disabled"] is True
    assert "disabled" in souk.good("accounts", "show", "shop").out
    assert souk.good("accounts", "enable", "shop", "--json").json["disabled"] is False


def test_unknown_account_is_not_found(souk: Command) -> None:
    for words in (("show", "nobody"), ("disable", "nobody"), ("rotate-webhook-key", "nobody")):
        answer = souk("accounts", *words)
        assert answer.code == 4
        assert "nobody" in answer.err


def test_webhook_key_rotates_in_two_steps(souk: Command) -> None:
    before = souk.good("accounts", "show", "shop", "--webhook-keys", "--json").json["webhook_keys"]
    new = souk.good("accounts", "rotate-webhook-key", "shop").out.strip()
    both = souk.good("accounts", "show", "shop", "--webhook-keys", "--json").json["webhook_keys"]
    assert both == [new, *before]
    souk.good("accounts", "rotate-webhook-key", "shop", "--finish")
    assert souk.good("accounts", "show", "shop", "--webhook-keys", "--json").json["webhook_keys"] == [new]
    assert souk("accounts", "rotate-webhook-key", "shop", "--finish").code == 1


def test_webhook_keys_are_shown_only_when_asked_for(souk: Command) -> None:
    assert "whsec_" not in souk.good("accounts", "show", "shop").out


def test_lost_secret_key_is_told_with_the_way_out(souk: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOUK_SECRET_KEY", "another secret key, long enough")
    answer = souk("accounts", "show", "shop", "--webhook-keys")
    assert answer.code == 3
    replaced = souk.good("accounts", "rotate-webhook-key", "--lost", "--json").json
    assert replaced == {"accounts": ["main", "shop"]}
    souk.good("accounts", "show", "shop", "--webhook-keys")


def test_credits_are_given_and_taken_back(souk: Command) -> None:
    assert souk.good("credits", "grant", "shop", "12.34", "--note", "x", "--json").json["available"] == 12.34
    assert souk.good("credits", "grant", "shop", "-2.34", "--json").json["available"] == 10.0
    assert "5.50 sandbox" in souk.good("credits", "grant", "shop", "5.5", "--sandbox").out
    shown = souk.good("credits", "show", "shop", "--json").json
    assert [(row["mode"], row["available"]) for row in shown] == [("live", 10.0), ("sandbox", 5.5)]


def test_credits_cannot_be_taken_below_zero(souk: Command) -> None:
    answer = souk("credits", "grant", "shop", "-0.01")
    assert answer.code == 1
    assert "0.01" in answer.err


def test_credits_that_are_no_number_are_a_usage_error(souk: Command) -> None:
    assert souk("credits", "grant", "shop", "much").code == 2


def test_acts_are_on_record_under_the_persons_name(souk: Command) -> None:
    souk.good("credits", "grant", "shop", "1")
    listed = souk.good("accounts", "audit", "--json").json
    assert listed[0]["action"] == "credits.grant"
    assert listed[0]["actor"].startswith("cli")
    assert "credits.grant" in souk.good("accounts", "audit").out


def test_tables_tell_the_same_as_json(souk: Command) -> None:
    assert "shop" in souk.good("accounts", "list").out
    assert "main" in souk.good("accounts", "show", "main").out
    assert "10,000.00" in souk.good("credits", "show").out
