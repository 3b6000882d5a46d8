"""Tasks from the command line, run in the command's own process on the sandbox."""

from pathlib import Path

import pytest

from souk.store.database import Database, sqlite_url
from souk.store.statement import Statement
from tests.unit.command import MODEL, Command, past_in, souk_after

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder in which one task succeeded and then one failed."""
    runs = (("a cat", 0), ("[souk:fail=422] a cat", 1))
    return past_in(tmp_path_factory.mktemp("past"), *runs, SOUK_LOG_LEVEL="ERROR")


@pytest.fixture
def souk(
    tmp_path: Path, past: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    monkeypatch.setenv("SOUK_SANDBOX_WORKERS", "1")
    return souk_after(past, tmp_path, monkeypatch, capsys)


def ended(souk: Command, state: str) -> str:
    """The task of the past that ended so."""
    (row,) = souk.good("tasks", "list", "--state", state, "--json").json
    return row["task_id"]


def test_run_makes_a_file_of_the_asked_name(souk: Command) -> None:
    answer = souk.good("run", MODEL, "prompt=a cat", "-o", "cat.png")
    assert answer.out == "cat.png\n"
    assert (souk.data / "cat.png").read_bytes().startswith(PNG)


def test_run_saves_into_a_folder_under_a_name_of_its_own(souk: Command) -> None:
    (souk.data / "pictures").mkdir()
    (saved,) = souk.good("run", MODEL, "prompt=a cat", "-o", "pictures", "--json").json["files"]
    assert Path(saved).parent.name == "pictures"
    assert Path(saved).suffix == ".png"


def test_run_that_fails_says_why_and_saves_nothing(souk: Command) -> None:
    answer = souk("run", MODEL, "prompt=[souk:fail=422] a cat", "-o", "cat.png")
    assert answer.code == 1
    assert "422" in answer.err
    assert not (souk.data / "cat.png").exists()


def test_run_of_an_unknown_model_is_not_found(souk: Command) -> None:
    answer = souk("run", "qwen/text-to-imag", "prompt=a cat")
    assert answer.code == 4
    assert MODEL in answer.err


def test_run_with_a_wrong_input_names_the_field(souk: Command) -> None:
    answer = souk("run", MODEL, "prompt=a cat", "image_size=huge")
    assert answer.code == 1
    assert "image_size" in answer.err


def test_run_with_a_word_that_is_no_field_is_a_usage_error(souk: Command) -> None:
    assert souk("run", MODEL, "a cat").code == 2


def test_run_takes_a_local_file_as_input(souk: Command) -> None:
    (picture,) = souk.data.glob("*.png")
    answer = souk.good("run", "qwen/image-edit", "prompt=a dog", f"image_url=@{picture}", "--json")
    assert answer.json["input"]["image_url"].startswith("http")


def test_run_with_a_missing_file_is_not_found(souk: Command) -> None:
    assert souk("run", "qwen/image-edit", "prompt=a dog", "image_url=@nowhere.png").code == 4


def test_story_tells_attempts_ledger_and_files(souk: Command) -> None:
    task = ended(souk, "success")
    story = souk.good("tasks", "show", task, "--json").json
    assert [(attempt["provider"], attempt["verdict"]) for attempt in story["attempts"]] == [
        ("sandbox", "done")
    ]
    assert [entry["kind"] for entry in story["ledger"]] == ["hold", "capture"]
    assert len(story["files"]) == 1
    told = souk.good("tasks", "show", task).out
    assert all(word in told for word in ("Attempts", "Ledger", "Files", "capture"))


def test_story_tells_what_each_attempt_asked_for_by_name_and_size(souk: Command) -> None:
    told = souk.good("tasks", "show", ended(souk, "success")).out
    line = next(line for line in told.splitlines() if line.strip().startswith("asked"))
    assert "prompt (" in line
    assert "1. sandbox" in told


def test_story_names_the_provider_of_a_connection_that_is_called_otherwise(souk: Command) -> None:
    database = Database(sqlite_url(souk.data / "souk.db")).connect()
    database.run(Statement("UPDATE attempts SET connection = 'second', provider = 'kie'"))
    database.close()
    assert "1. second (kie) " in souk.good("tasks", "show", ended(souk, "success")).out


def test_story_of_a_failure_tells_why(souk: Command) -> None:
    task = ended(souk, "fail")
    assert "422" in souk.good("tasks", "show", task).out


def test_unknown_task_is_not_found(souk: Command) -> None:
    for words in (("show",), ("cancel",), ("redeliver",), ("keep",), ("delete",)):
        assert souk("tasks", *words, "0" * 32).code == 4


def test_tasks_are_listed_newest_first(souk: Command) -> None:
    good, bad = ended(souk, "success"), ended(souk, "fail")
    assert [row["task_id"] for row in souk.good("tasks", "list", "--json").json] == [bad, good]
    assert good in souk.good("tasks", "list").out


def test_ended_task_is_too_late_to_cancel(souk: Command) -> None:
    answer = souk("tasks", "cancel", ended(souk, "success"), "--json")
    assert (answer.code, answer.json["answer"]) == (1, "too_late")


def test_task_without_callbacks_has_nothing_to_redeliver(souk: Command) -> None:
    answer = souk("tasks", "redeliver", ended(souk, "success"), "--json")
    assert (answer.code, answer.json["callbacks"]) == (1, 0)


def test_kept_task_says_so_until_it_is_let_go(souk: Command) -> None:
    task = ended(souk, "success")
    souk.good("tasks", "keep", task)
    assert souk.good("tasks", "show", task, "--json").json["keep"] is True
    souk.good("tasks", "keep", task, "--undo")
    assert souk.good("tasks", "show", task, "--json").json["keep"] is False


def test_deleted_task_is_gone(souk: Command) -> None:
    task = ended(souk, "success")
    souk.good("tasks", "delete", task)
    assert souk("tasks", "show", task).code == 4


def test_file_is_put_and_its_link_printed_alone(souk: Command) -> None:
    (souk.data / "notes.txt").write_text("hello")
    answer = souk.good("files", "put", "notes.txt")
    assert answer.out.startswith("http://127.0.0.1:8080/f/")
    data = souk.good("files", "put", "notes.txt", "--json").json
    assert (data["name"], data["size"]) == ("notes.txt", 5)


def test_missing_and_empty_files_are_not_put(souk: Command) -> None:
    (souk.data / "empty").touch()
    assert souk("files", "put", "nowhere").code == 4
    assert souk("files", "put", "empty").code == 1


def test_books_add_up_after_a_success_and_a_failure(souk: Command) -> None:
    assert souk.good("ledger", "verify", "--json").json["problems"] == []


def test_books_that_do_not_add_up_are_told(souk: Command) -> None:
    import sqlite3

    with sqlite3.connect(souk.data / "souk.db") as database:
        database.execute("UPDATE balances SET available = available + 1 WHERE mode = 'live'")
    database.close()
    answer = souk("ledger", "verify")
    assert answer.code == 1
    assert "live" in answer.out


def test_account_without_a_key_of_the_mode_is_told_how_to_get_one(souk: Command) -> None:
    answer = souk("run", MODEL, "prompt=a cat", "--sandbox")
    assert answer.code == 1
    assert "souk keys create --account main --sandbox" in answer.err
