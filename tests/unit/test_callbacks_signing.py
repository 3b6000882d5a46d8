"""Both signatures of a callback, held against computations of their own."""

import base64
import hashlib
import hmac

import pytest

from souk.accounts.webhook_keys import BadWebhookKey, make_webhook_key
from souk.callbacks.signing import compatible_signature, signed_headers, standard_signature
from souk.words import Millis

TASK = "7f3c0a91e2d84b6fa5c1390d4e8b2716"
NOW = Millis(1_772_100_021_999)


def headers(*keys: str, body: bytes = b"{}") -> dict[str, str]:
    return signed_headers(keys, task_id=TASK, message_id="msg_1", now=NOW, body=body)


def test_the_compatible_signature_meets_its_test_vector() -> None:
    made = compatible_signature("whk_example_key", TASK, "1772100021")
    assert made == "Cw7MRmzYHQT4bPkS2gDltVEKCozEEa1njifkxeJ3X9A="


def test_standard_webhooks_meets_the_vector_of_its_reference_libraries() -> None:
    made = standard_signature(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "1614265330",
        b'{"test": 2432232314}',
    )
    assert made == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_timestamps_are_whole_seconds() -> None:
    made = headers("k")
    assert made["webhook-timestamp"] == made["X-Webhook-Timestamp"] == "1772100021"


def test_the_standard_signature_covers_id_time_and_body() -> None:
    secret = b"0123456789abcdef0123456789abcdef"
    key = "whsec_" + base64.b64encode(secret).decode()
    expected = hmac.new(secret, b'msg_1.1772100021.{"a":1}', hashlib.sha256).digest()
    made = headers(key, body=b'{"a":1}')
    assert made["webhook-signature"] == "v1," + base64.b64encode(expected).decode()
    assert made["webhook-id"] == "msg_1"


def test_the_compatible_signature_uses_a_whsec_key_as_it_is_written() -> None:
    key = make_webhook_key()
    expected = hmac.new(key.encode(), f"{TASK}.1772100021".encode(), hashlib.sha256).digest()
    assert headers(key)["X-Webhook-Signature"] == base64.b64encode(expected).decode()


def test_a_key_of_another_form_signs_with_its_own_bytes() -> None:
    expected = hmac.new(b"whk_mine", b"msg_1.1772100021.{}", hashlib.sha256).digest()
    assert headers("whk_mine")["webhook-signature"] == "v1," + base64.b64encode(expected).decode()


def test_during_rotation_both_keys_sign_and_the_newest_signs_the_compatible_header() -> None:
    newest, old = make_webhook_key(), make_webhook_key()
    made = headers(newest, old)
    alone = headers(newest)["webhook-signature"], headers(old)["webhook-signature"]
    assert made["webhook-signature"].split(" ") == list(alone)
    assert made["X-Webhook-Signature"] == headers(newest)["X-Webhook-Signature"]


def test_an_account_without_a_key_gets_no_signature() -> None:
    assert headers() == {"webhook-id": "msg_1", "webhook-timestamp": "1772100021"}


@pytest.mark.parametrize("key", ["", "  ", "whsec_", "whsec_not base64", "whsec_abc"])
def test_a_key_that_cannot_sign_is_refused_without_being_repeated(key: str) -> None:
    with pytest.raises(BadWebhookKey) as refused:
        standard_signature(key, "msg_1", "1772100021", b"{}")
    assert key.removeprefix("whsec_").strip() in ("", "abc") or key not in str(refused.value)


@pytest.mark.parametrize("key", ["", " "])
def test_nothing_is_signed_with_an_empty_key(key: str) -> None:
    with pytest.raises(BadWebhookKey):
        headers(key)
