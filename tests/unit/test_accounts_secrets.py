"""The secret key, and what it keeps."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from souk.accounts.secrets import FILE_NAME, SecretBox, SecretKeyError, open_box

KEY = "0123456789abcdef0123456789abcdef"


def test_secret_comes_back() -> None:
    box = SecretBox(KEY)
    assert box.decrypt(box.encrypt("canary", "a"), "a") == "canary"


def test_sealed_text_shows_nothing_and_never_repeats() -> None:
    box = SecretBox(KEY)
    first, second = box.encrypt("canary", "a"), box.encrypt("canary", "a")
    assert first != second
    assert "canary" not in first


def test_another_key_opens_nothing() -> None:
    sealed = SecretBox(KEY).encrypt("canary", "a")
    with pytest.raises(SecretKeyError):
        SecretBox(KEY[::-1]).decrypt(sealed, "a")


def test_secret_of_one_account_is_none_of_another() -> None:
    box = SecretBox(KEY)
    with pytest.raises(SecretKeyError):
        box.decrypt(box.encrypt("canary", "a"), "b")


def test_damaged_text_is_told() -> None:
    with pytest.raises(SecretKeyError):
        SecretBox(KEY).decrypt("v1:not base64", "a")


def test_short_secret_key_is_refused_with_a_way_out() -> None:
    with pytest.raises(SecretKeyError, match="openssl rand"):
        SecretBox("secret")


def test_key_file_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    sealed = open_box("", tmp_path / "data").encrypt("canary", "a")
    path = tmp_path / "data" / FILE_NAME
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert open_box("", tmp_path / "data").decrypt(sealed, "a") == "canary"
    assert [child.name for child in path.parent.iterdir()] == [FILE_NAME]


def test_processes_that_start_at_once_share_one_key_file(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        prints = set(pool.map(lambda _: open_box("", tmp_path).fingerprint("x"), range(16)))
    assert len(prints) == 1


def test_given_secret_key_makes_no_file(tmp_path: Path) -> None:
    open_box(KEY, tmp_path)
    assert list(tmp_path.iterdir()) == []
