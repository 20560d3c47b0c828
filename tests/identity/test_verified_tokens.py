import pytest

from flask_jafsec.identity.token_keys import TokenKey, TokenKeys
from flask_jafsec.identity.verified_tokens import VerifiedToken, VerifiedTokens
from flask_jafsec.records import Kind
from tests.identity.token_setting import KEYS, OTHER_RSA_PEM

KEY = KEYS["RS256"]
RING = TokenKeys([KEY])
TOKEN = VerifiedToken("anna", Kind.PERSON, None, "", "t1", "f1", 100, 200, KEY.kid)


@pytest.fixture
def memory() -> VerifiedTokens:
    memory = VerifiedTokens(10)
    memory.remember("text", TOKEN, KEY, 230.0)
    return memory


@pytest.mark.parametrize(("now", "found"), [(100.0, TOKEN), (229.9, TOKEN), (230.0, None)])
def test_a_token_is_remembered_until_it_ends(
    memory: VerifiedTokens, now: float, found: VerifiedToken | None
) -> None:
    assert memory.find("text", RING, now) is found


@pytest.mark.parametrize("text", ["", "tex", "text ", "Text"])
def test_another_text_is_never_found(memory: VerifiedTokens, text: str) -> None:
    assert memory.find(text, RING, 100.0) is None
    assert text not in memory


@pytest.mark.parametrize(
    "keys",
    [
        pytest.param(TokenKeys([KEYS["ES256"]]), id="gone"),
        pytest.param(TokenKeys([TokenKey.from_text(KEY.kid, OTHER_RSA_PEM)]), id="another"),
    ],
)
def test_a_token_is_forgotten_with_its_key(memory: VerifiedTokens, keys: TokenKeys) -> None:
    assert memory.find("text", keys, 100.0) is None


def test_the_memory_is_bounded_whatever_comes(memory: VerifiedTokens) -> None:
    for number in range(10_000):
        memory.remember(f"t{number}", TOKEN, KEY, 230.0)
        memory.find(f"t{number - 7}", RING, 100.0)

        assert len(memory) <= 10


def test_a_token_in_use_outlives_the_others(memory: VerifiedTokens) -> None:
    for number in range(1000):
        memory.remember(f"t{number}", TOKEN, KEY, 230.0)
        assert memory.find("text", RING, 100.0) is TOKEN

    assert "t1" not in memory


def test_the_smallest_memory_still_works() -> None:
    memory = VerifiedTokens(1)
    memory.remember("a", TOKEN, KEY, 230.0)
    memory.remember("b", TOKEN, KEY, 230.0)

    assert memory.find("b", RING, 100.0) is TOKEN
