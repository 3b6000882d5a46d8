"""Commands on an installation whose files are in a bucket: its check-up, its backup, and the way in and out."""

import os
from pathlib import Path

import pytest

from souk.assets.bucket.place import Bucket
from tests.objectstore import ObjectStore, settings_of
from tests.unit.command import Command, souk_on

CAT = b"\x89PNG\r\n\x1a\n" + b"not much of a cat"


@pytest.fixture
def bucket(rclone: ObjectStore) -> Bucket:
    return rclone.bucket()


@pytest.fixture
def souk(
    tmp_path: Path, bucket: Bucket, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    (tmp_path / "data").mkdir()
    command = souk_on(tmp_path / "data", "sqlite:", monkeypatch, capsys)
    use(bucket, monkeypatch)
    command.good("migrate")
    return command


def use(bucket: Bucket | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the commands find their files in a bucket, or in the data folder."""
    for name, value in settings_of(bucket).items() if bucket else [("storage_url", "")]:
        monkeypatch.setenv(f"SOUK_{name.upper()}", value)


def finding(souk: Command, subject: str) -> tuple[str, str, str]:
    """How something stands, what is told of it, and the remedy."""
    (found,) = [item for item in souk("doctor", "--json").json if item["subject"] == subject]
    return found["standing"], found["told"], found["remedy"]


def upload(souk: Command) -> str:
    """The link of a file that was brought in."""
    (souk.data / "cat.png").write_bytes(CAT)
    return souk.good("files", "put", "cat.png").out.strip()


def test_a_bucket_that_does_all_it_must_is_good(souk: Command, bucket: Bucket) -> None:
    standing, told, _ = finding(souk, "storage")
    assert (standing, bucket.url in told) == ("good", True)
    assert finding(souk, "files")[0] == "good"


def test_check_up_leaves_nothing_in_the_bucket(souk: Command) -> None:
    souk("doctor")
    assert finding(souk, "files")[1] == "none are stored yet"


WRONG = [
    ("SOUK_S3_SECRET_ACCESS_KEY", "wrong", "correct SOUK_S3_SECRET_ACCESS_KEY"),
    ("SOUK_STORAGE_URL", "s3://no-such-bucket", "make the bucket"),
    ("SOUK_S3_ENDPOINT", "http://127.0.0.1:1", "does not answer"),
    ("SOUK_S3_SECRET_ACCESS_KEY", "", "SOUK_S3_SECRET_ACCESS_KEY: it is missing"),
]


@pytest.mark.parametrize(("name", "value", "told"), WRONG)
def test_what_is_wrong_with_a_bucket_is_told(
    souk: Command, monkeypatch: pytest.MonkeyPatch, name: str, value: str, told: str
) -> None:
    monkeypatch.setenv(name, value)
    standing, said, _ = finding(souk, "storage")
    assert (standing, told in said) == ("bad", True), said


def test_direct_links_to_where_clients_cannot_go_are_noted(
    souk: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOUK_LINKS", "direct")
    monkeypatch.setenv("SOUK_PUBLIC_URL", "https://souk.example.com")
    assert finding(souk, "links")[0] == "warning"
    monkeypatch.setenv("SOUK_S3_PUBLIC_ENDPOINT", "https://files.example.com")
    assert finding(souk, "links")[0] == "good"


def test_amazons_own_names_are_understood(souk: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    for ours, theirs in [("ENDPOINT", "ENDPOINT_URL"), ("REGION", "REGION")]:
        monkeypatch.setenv(f"AWS_{theirs}", environ(f"SOUK_S3_{ours}", monkeypatch))
    for part in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY"):
        monkeypatch.setenv(f"AWS_{part}", environ(f"SOUK_S3_{part}", monkeypatch))
    assert finding(souk, "storage")[0] == "good"


def environ(name: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A variable's value, which is taken away."""
    value = os.environ[name]
    monkeypatch.delenv(name)
    return value


def test_a_backup_holds_the_files_of_the_bucket(
    souk: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload(souk)
    assert souk.good("backup", "copy", "--with-secret-key", "--json").json["files"] == 1
    use(None, monkeypatch)
    assert souk.good("restore", "copy", "--data-dir", tmp_path / "disk", "--json").json["files"] == 1
    (file,) = (path for path in (tmp_path / "disk" / "files").rglob("*.png"))
    assert file.read_bytes() == CAT


def test_a_backup_goes_into_another_bucket(
    souk: Command, rclone: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload(souk)
    souk.good("backup", "copy", "--with-secret-key")
    use(rclone.bucket(), monkeypatch)
    souk.good("restore", "copy", "--data-dir", tmp_path / "new")
    monkeypatch.setenv("SOUK_DATA_DIR", str(tmp_path / "new"))
    assert finding(souk, "files")[0] == "good"


def test_files_may_stay_in_the_bucket(souk: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    upload(souk)
    assert souk.good("export", "copy", "--with-secret-key", "--leave-files", "--json").json["files"] == 0
    assert not (souk.data / "copy" / "files").exists()
    souk.good("import", "copy", "--data-dir", tmp_path / "new")
    monkeypatch.setenv("SOUK_DATA_DIR", str(tmp_path / "new"))
    assert finding(souk, "files")[0] == "good"
