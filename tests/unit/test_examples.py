"""The runner of documented examples itself: it runs what a reader would, and notices what does not work."""

from pathlib import Path

import pytest

from tests.examples import Example, Session, console_steps, examples_of, matches


@pytest.fixture
def session(tmp_path: Path) -> Session:
    return Session(tmp_path, {"SOUK_URL": "http://127.0.0.1:4711", "PATH": "/usr/bin:/bin"})


def example(language: str, code: str) -> Example:
    return Example(Path("page.md"), 1, language, code)


def page_with(tmp_path: Path, text: str) -> Path:
    page = tmp_path / "page.md"
    page.write_text(text)
    return page


def test_example_is_found_with_its_line(tmp_path: Path) -> None:
    page = page_with(tmp_path, "# Title\n\n```bash\necho 1\n```\n")
    assert examples_of(page) == [Example(page, 3, "bash", "echo 1\n")]


def test_example_in_a_list_loses_its_indent(tmp_path: Path) -> None:
    page = page_with(tmp_path, "1. Do\n   ```bash\n   echo 1\n   ```\n")
    assert [found.code for found in examples_of(page)] == ["echo 1\n"]


def test_example_marked_with_a_reason_is_left_out(tmp_path: Path) -> None:
    page = page_with(tmp_path, "<!-- not run: needs a key -->\n\n```bash\nfalse\n```\n")
    assert examples_of(page) == []


def test_example_marked_without_a_reason_is_run(tmp_path: Path) -> None:
    page = page_with(tmp_path, "<!-- not run: -->\n```bash\nfalse\n```\n")
    assert len(examples_of(page)) == 1


def test_failing_line_fails_the_example(session: Session) -> None:
    with pytest.raises(AssertionError, match=r"page\.md:1"):
        session.run(example("bash", "false\necho fine\n"))


def test_failing_python_fails_the_example(session: Session) -> None:
    with pytest.raises(AssertionError, match="ZeroDivisionError"):
        session.run(example("python", "1 / 0\n"))


def test_variable_is_there_for_the_next_example(session: Session) -> None:
    session.run(example("bash", "TASK='a \"b\"'\n"))
    session.run(example("python", "import os\nassert os.environ['TASK'] == 'a \"b\"'\n"))


def test_documented_address_becomes_the_server_of_the_test(session: Session) -> None:
    session.run(example("bash", 'test "http://localhost:8080/health" = "$SOUK_URL/health"\n'))


def test_unexpected_output_fails_a_console_example(session: Session) -> None:
    with pytest.raises(AssertionError, match="said"):
        session.run(example("console", "$ echo one\ntwo\n"))


def test_expected_output_passes_a_console_example(session: Session) -> None:
    session.run(example("console", "$ echo one two three\none ... three\n"))


def test_console_command_goes_on_after_a_prompt() -> None:
    assert console_steps("$ a \\\n> b\nout\n$ c\n") == [("a \\\nb", "out\n"), ("c", "")]


def test_elision_stands_for_anything_but_the_rest_must_match() -> None:
    assert matches("a … z", "a b\nc z")
    assert not matches("a … z", "a b")
