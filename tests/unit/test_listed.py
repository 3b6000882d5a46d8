"""The name under which a server lists a process says its version and its secret keys, also in years to come."""

import pytest

from souk.accounts.secrets import SecretBox
from souk.store.database import Database
from souk.store.listed import listed_as, read_name
from souk.store.release import HEAD, OURS
from souk.store.statement import Statement

OLD, NEW = "0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210"
OLDS, NEWS = (SecretBox(key).badges[0] for key in (OLD, NEW))
MINE = Statement("SELECT application_name FROM pg_stat_activity WHERE pid = pg_backend_pid()")


def lacks_new(name: str) -> bool:
    listed = read_name(name)
    assert listed is not None
    return listed.lacks(NEWS)


@pytest.mark.parametrize(
    ("name", "lacks"),
    [
        (listed_as(OURS.process_name, [OLDS]), True),
        (listed_as(OURS.process_name, [NEWS]), False),
        (listed_as(OURS.process_name, [NEWS, OLDS]), False),
        (listed_as(OURS.process_name, [OLDS, NEWS]), False),
        (listed_as(OURS.process_name, []), False),
        (OURS.process_name, True),
        ("souk 9.1.0 schema 0999 keys " + NEWS + " and more", False),
    ],
)
def test_process_lacks_a_key_unless_its_name_says_that_it_knows_it_or_needs_none(
    name: str, lacks: bool
) -> None:
    assert lacks_new(name) == lacks


@pytest.mark.parametrize("name", ["", "psql", "souk", "souk 1.0 schema x", "my souk 1.0 schema 0001"])
def test_name_of_another_program_says_nothing(name: str) -> None:
    assert read_name(name) is None


def test_name_of_a_process_with_two_keys_is_kept_whole_by_the_server(migrated_postgres_url: str) -> None:
    database = Database(migrated_postgres_url, keys=SecretBox(NEW, OLD).badges)
    connection = database.connect()
    try:
        name = connection.run(MINE)[0][0]
    finally:
        connection.close()
    listed = read_name(name)
    assert listed is not None
    assert (listed.schema, listed.keys) == (HEAD, {NEWS, OLDS})


def test_badge_is_no_part_of_what_else_is_known_of_a_key() -> None:
    box = SecretBox(NEW)
    (badge,) = box.badges
    assert len(badge) == 8
    assert badge not in NEW + box.mark + box.fingerprint("text") + box.sign("text")
