"""The outbox in the store: what is due for whom, in which order, and who may say how it went."""

from collections.abc import Iterator

import pytest

from souk.store import deliveries, outbox, sending
from souk.store.database import Connection, SqliteConnection
from souk.store.deliveries import Delivery
from souk.store.outbox import OutboxRow, endpoint_of
from souk.store.sending import Body, Claim, Claimed, HandBack, Tried
from souk.store.statement import Statement, rows_json
from souk.words import Millis, TaskId
from tests.callback_house import new_row, put, store

NOW = Millis(1_772_100_021_000)
LEASE = 60_000
HOOK = "https://client.example/hook"
HERE = "https://client.example:443"
MANY = 20_000


@pytest.fixture
def db(database_url: str) -> Iterator[Connection]:
    with store(database_url) as connection:
        yield connection


def claim_all(db: Connection, *claims: Claim) -> list[Claimed]:
    db.begin()
    answers = sending.CLAIM.handle(db, claims)
    db.commit()
    return [answer for answer in answers if not isinstance(answer, Exception)]


def claim(db: Connection, endpoint: str = HERE, most: int = 10, now: int = NOW, owner: str = "a") -> Claimed:
    return claim_all(db, Claim(endpoint, most, owner, Millis(now), Millis(now + LEASE)))[0]


def tasks_of(claimed: Claimed) -> list[str]:
    return [row.task_id for row in claimed.rows]


def tried(db: Connection, row: OutboxRow, state: str, at: int = NOW + 100, again: int = NOW) -> str | None:
    error = None if state == "delivered" else "HTTP 500"
    delivery = Delivery(row.id, row.task_id, Millis(at), 0, 500, error)
    db.begin()
    answer = sending.TRIED.handle(db, [Tried(row, delivery, state, Millis(again))])[0]
    db.commit()
    assert not isinstance(answer, Exception)
    return answer


def states(db: Connection, task: str) -> list[str]:
    return [row.state for row in outbox.of_task(db, TaskId(task))]


def stages(task: str, *names: str) -> list[outbox.NewRow]:
    return [new_row(task, HOOK, NOW, name, number) for number, name in enumerate(names, 1)]


@pytest.mark.parametrize(
    ("url", "endpoint"),
    [
        ("https://Client.Example/hook?key=1", "https://client.example:443"),
        ("http://client.example.:8080/a", "http://client.example:8080"),
        ("http://[2001:DB8::1]/a", "http://[2001:db8::1]:80"),
        ("http://user:pass@client.example", "http://client.example:80"),
        ("http://client.example:99999/", "nowhere"),
        ("ftp://client.example/", "nowhere"),
        ("http://[broken", "nowhere"),
        ("hook", "nowhere"),
    ],
)
def test_an_endpoint_is_scheme_host_and_port(url: str, endpoint: str) -> None:
    assert endpoint_of(url) == endpoint


def test_a_claim_takes_what_is_due_oldest_first(db: Connection) -> None:
    for task, at in (("c", NOW), ("a", NOW - 2), ("later", NOW + 1), ("b", NOW - 1)):
        put(db, new_row(task, HOOK, at))
    assert tasks_of(claim(db)) == ["a", "b", "c"]


def test_a_claim_takes_no_more_than_it_asks_for(db: Connection) -> None:
    put(db, *[new_row(f"t{index}", HOOK, NOW) for index in range(5)])
    claimed = claim(db, most=2)
    assert (len(claimed.rows), claimed.next_due) == (2, None)
    assert len(claim(db).rows) == 3


def test_a_claim_that_comes_up_short_tells_when_more_is_due(db: Connection) -> None:
    put(db, new_row("now", HOOK, NOW), new_row("soon", HOOK, NOW + 700), new_row("late", HOOK, NOW + 900))
    assert claim(db).next_due == NOW + 700


def test_claims_of_several_endpoints_are_answered_each_with_its_own(db: Connection) -> None:
    put(db, new_row("a", HOOK, NOW), new_row("b", "http://other.example/", NOW))
    claims = [Claim(end, 4, "o", NOW, Millis(NOW + LEASE)) for end in ("http://other.example:80", "x", HERE)]
    assert [tasks_of(answer) for answer in claim_all(db, *claims)] == [["b"], [], ["a"]]


def test_a_leased_row_is_nobody_elses_until_the_lease_ends(db: Connection) -> None:
    put(db, new_row("a", HOOK, NOW))
    assert tasks_of(claim(db, owner="first")) == ["a"]
    assert tasks_of(claim(db, owner="second", now=NOW + LEASE - 1)) == []
    assert tasks_of(claim(db, owner="second", now=NOW + LEASE)) == ["a"]


def test_who_lost_its_lease_changes_nothing_but_the_list_of_tries(db: Connection) -> None:
    put(db, new_row("a", HOOK, NOW))
    stale = claim(db, owner="first").rows[0]
    claim(db, owner="second", now=NOW + LEASE)
    assert tried(db, stale, "delivered") is None
    assert sending.BODY.handle(db, [Body(stale, "x")]) == [False]
    sending.HAND_BACK.handle(db, [HandBack(stale, NOW)])
    row = outbox.of_task(db, TaskId("a"))[0]
    assert (row.state, row.lease_owner, row.tries, row.body) == ("pending", "second", 0, "")
    assert len(deliveries.of_task(db, TaskId("a"))) == 1


def test_a_lease_that_is_handed_back_is_due_at_once(db: Connection) -> None:
    put(db, new_row("a", HOOK, NOW))
    row = claim(db).rows[0]
    sending.HAND_BACK.handle(db, [HandBack(row, NOW)])
    assert tasks_of(claim(db)) == ["a"]


def test_a_later_stage_waits_for_the_earlier_one(db: Connection) -> None:
    put(db, *stages("a", "text", "first"))
    (text,) = claim(db).rows
    assert text.stage == "text"
    assert claim(db).rows == []
    tried(db, text, "delivered")
    assert [row.stage for row in claim(db, now=NOW + 100).rows] == ["first"]


def test_a_later_stage_is_not_due_before_a_failed_earlier_one(db: Connection) -> None:
    put(db, *stages("a", "text"))
    tried(db, claim(db).rows[0], "pending", again=NOW + 5_000)
    put(db, new_row("a", HOOK, NOW, "first", 2))
    assert outbox.of_task(db, TaskId("a"))[1].next_try_at == NOW + 5_000
    claimed = claim(db, now=NOW + 4_999)
    assert (claimed.rows, claimed.next_due) == ([], NOW + 5_000)
    assert [row.stage for row in claim(db, now=NOW + 5_000).rows] == ["text"]


def test_the_end_drops_earlier_stages_that_wait(db: Connection) -> None:
    put(db, *stages("a", "text", "first"))
    outbox.drop_earlier(db, ["a"])
    put(db, new_row("a", HOOK, NOW))
    assert states(db, "a") == ["dropped", "dropped", "pending"]
    assert [row.stage for row in claim(db).rows] == ["end"]


def test_a_stage_being_sent_goes_before_the_end_and_is_not_repeated(db: Connection) -> None:
    put(db, *stages("a", "text"))
    text = claim(db).rows[0]
    outbox.drop_earlier(db, ["a"])
    put(db, new_row("a", HOOK, NOW))
    assert claim(db, now=NOW + 50).rows == []
    assert tried(db, text, "pending", again=NOW + 5_000) == "dropped"
    assert [row.stage for row in claim(db, now=NOW + 100).rows] == ["end"]


def test_a_delivered_row_keeps_no_body(db: Connection) -> None:
    put(db, new_row("a", HOOK, NOW))
    row = claim(db).rows[0]
    assert sending.BODY.handle(db, [Body(row, "said")]) == [True]
    tried(db, row, "pending", again=NOW + 200)
    (again,) = claim(db, now=NOW + 200).rows
    assert (again.body, again.tries, again.message_id) == ("said", 1, row.message_id)
    tried(db, again, "delivered")
    assert outbox.of_task(db, TaskId("a"))[0].body == ""


def test_every_try_is_kept(db: Connection) -> None:
    put(db, new_row("a", HOOK, NOW))
    tried(db, claim(db).rows[0], "pending", at=NOW + 7)
    tried(db, claim(db).rows[0], "delivered", at=NOW + 9)
    kept = deliveries.of_task(db, TaskId("a"))
    assert [(item.at, item.status, item.error) for item in kept] == [
        (NOW + 7, 500, "HTTP 500"),
        (NOW + 9, 500, None),
    ]


def test_a_try_of_a_deleted_task_leaves_no_trace(db: Connection) -> None:
    put(db, new_row("a", HOOK, NOW))
    row = claim(db).rows[0]
    db.run(Statement("DELETE FROM outbox"))
    assert tried(db, row, "delivered") is None
    assert deliveries.of_task(db, TaskId("a")) == []


@pytest.mark.parametrize("state", ["delivered", "dead"])
def test_redelivery_makes_the_last_word_due_with_all_its_tries(db: Connection, state: str) -> None:
    put(db, *stages("a", "text"))
    tried(db, claim(db).rows[0], "delivered")
    put(db, new_row("a", HOOK, NOW))
    tried(db, claim(db).rows[0], state)
    assert outbox.redeliver(db, TaskId("a"), NOW) == 1
    assert [(row.stage, row.tries) for row in claim(db).rows] == [("end", 0)]


def test_redelivery_repeats_all_stages_of_a_running_task(db: Connection) -> None:
    put(db, *stages("a", "text", "first"))
    tried(db, claim(db).rows[0], "delivered")
    tried(db, claim(db, now=NOW + 100).rows[0], "dead")
    assert outbox.redeliver(db, TaskId("a"), NOW) == 2
    assert states(db, "a") == ["pending", "pending"]


def test_redelivery_leaves_what_is_being_sent(db: Connection) -> None:
    put(db, new_row("a", HOOK, NOW))
    claim(db)
    assert outbox.redeliver(db, TaskId("a"), NOW) == 0
    assert outbox.redeliver(db, TaskId("a"), Millis(NOW + LEASE)) == 1


def test_endpoints_with_pending_rows_are_listed_with_their_first_due(db: Connection) -> None:
    assert outbox.endpoints(db) == {}
    put(db, new_row("a", HOOK, NOW + 5), new_row("b", HOOK, NOW), new_row("c", "http://x.example/", NOW))
    tried(db, claim(db, "http://x.example:80").rows[0], "delivered")
    assert outbox.endpoints(db) == {HERE: NOW}


def test_the_backlog_counts_pending_late_and_endpoints(db: Connection) -> None:
    put(db, new_row("a", HOOK, NOW), new_row("b", HOOK, NOW + 1), new_row("c", "http://x.example/", NOW))
    assert outbox.backlog(db, NOW) == outbox.Backlog(pending=3, late=2, endpoints=2)


def test_no_statement_reads_past_its_index(database_url: str) -> None:
    if not database_url.startswith("sqlite"):
        pytest.skip("PostgreSQL chooses its plan by the size of the table")
    with store(database_url) as db:
        assert isinstance(db, SqliteConnection)
        texts = {name: value for name, value in vars(sending).items() if isinstance(value, Statement)}
        del texts["_TAKE_BACK"]  # looks through what is pending, once after a node died
        texts["endpoints"] = vars(outbox)["_ENDPOINTS"]
        texts["redeliver"] = vars(outbox)["_REDELIVER"]
        for name, statement in texts.items():
            names = ("want", "made", "tried", "earlier", "back", "task_id", "now")
            plan = db.run(Statement("EXPLAIN QUERY PLAN " + statement.text), dict.fromkeys(names, "[]"))
            steps = [row[3] for row in plan]
            assert not [step for step in steps if step.startswith("SCAN outbox")], (name, steps)
            assert not [step for step in steps if "TEMP B-TREE" in step], (name, steps)


_BACKLOG = Statement(
    "INSERT INTO outbox (message_id, task_id, account_id, number, stage, endpoint, url, state, created_at, "
    "next_try_at) SELECT n, n, 1, 1, 'end', :endpoint, '', 'pending', 0, :now FROM generate_series(1, :many) n"
)


def test_on_postgresql_a_claim_from_a_backlog_uses_the_index(postgres_url: str) -> None:
    with store(postgres_url) as db:
        db.run(_BACKLOG, {"endpoint": HERE, "now": NOW, "many": MANY})
        db.run(Statement("ANALYZE outbox"))
        want = [{"endpoint": HERE, "owner": "a", "now": NOW, "until": NOW + LEASE}]
        explain = Statement("EXPLAIN " + vars(sending)["_CLAIM"].text)
        plan = "\n".join(row[0] for row in db.run(explain, {"want": rows_json(want)}))
        assert "Seq Scan" not in plan, plan
        assert "ix_outbox_pending" in plan, plan
