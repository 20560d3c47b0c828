import base64
import datetime
import json
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, rsa, x25519
from joserfc import jwk

from flask_jafsec.errors import InvalidValue
from flask_jafsec.identity.token_keys import TokenKey
from tests.identity.signatures import holds
from tests.identity.token_setting import (
    EC_PEM,
    ED_PEM,
    OTHER_RSA_PEM,
    RSA_PEM,
    RSA_PUBLIC_DER,
    RSA_PUBLIC_PEM,
    SECRET,
    private_pem,
)

K = base64.urlsafe_b64encode(SECRET).rstrip(b"=").decode()


def _jwk(key: jwk.Key, **more: Any) -> str:
    return json.dumps({**key.as_dict(private=True), **more})


RSA = jwk.RSAKey.import_key(RSA_PEM)
EC = jwk.ECKey.import_key(EC_PEM)
ED = jwk.OKPKey.import_key(ED_PEM)
OCT = {"kty": "oct", "k": K}


@pytest.mark.parametrize(
    ("text", "asked", "algorithm"),
    [
        pytest.param(RSA_PEM, "", "RS256", id="RSA PEM"),
        pytest.param(RSA_PEM, "PS256", "PS256", id="RSA PEM as PS256"),
        pytest.param(f"\n  {RSA_PEM}\n", "", "RS256", id="blanks around"),
        pytest.param(EC_PEM, "", "ES256", id="P-256 PEM"),
        pytest.param(ED_PEM, "", "EdDSA", id="Ed25519 PEM"),
        pytest.param(ED_PEM, "Ed25519", "Ed25519", id="Ed25519 PEM by its new name"),
        pytest.param(_jwk(RSA), "", "RS256", id="RSA JWK"),
        pytest.param(_jwk(RSA, alg="PS256"), "", "PS256", id="RSA JWK bound to PS256"),
        pytest.param(_jwk(EC, use="sig", kid="other"), "", "ES256", id="P-256 JWK"),
        pytest.param(_jwk(ED, alg="Ed25519"), "", "Ed25519", id="Ed25519 JWK"),
        pytest.param(json.dumps(OCT), "", "HS256", id="oct JWK"),
    ],
)
def test_a_key_is_bound_to_the_algorithm_of_its_kind(text: str, asked: str, algorithm: str) -> None:
    key = TokenKey.from_text("k1", text, asked)

    token = key.sign({}, b"{}")
    header, payload, signature = token.split(".")

    assert (key.algorithm, key.may_sign) == (algorithm, True)
    assert holds(key, {"alg": algorithm, "kid": "k1"}, [header, payload, signature])


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        (RSA_PEM, "HS256"),
        (RSA_PEM, "RS512"),
        (RSA_PEM, "none"),
        (RSA_PEM, "rs256"),
        (EC_PEM, "ES384"),
        (EC_PEM, "EdDSA"),
        (ED_PEM, "Ed448"),
        (json.dumps(OCT), "HS512"),
        (json.dumps(OCT), "RS256"),
        (_jwk(RSA, alg="PS256"), "RS256"),
        (_jwk(ED, alg="Ed25519"), "EdDSA"),
    ],
)
def test_a_key_is_never_bound_to_another_algorithm(text: str, asked: str) -> None:
    with pytest.raises(InvalidValue):
        TokenKey.from_text("k1", text, asked)


def _pem(key: Any, password: bytes | None = None) -> str:
    hidden: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if password is not None:
        hidden = serialization.BestAvailableEncryption(password)
    encoded = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, hidden
    )
    return str(encoded.decode())


def _certificate() -> x509.Certificate:
    key = jwk.RSAKey.import_key(RSA_PEM).private_key
    assert key is not None
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a")])
    born = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    return (
        x509.CertificateBuilder(name, name, key.public_key(), 1)
        .not_valid_before(born)
        .not_valid_after(born + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )


CERTIFICATE_PEM = _certificate().public_bytes(serialization.Encoding.PEM)
CERTIFICATE_DER = _certificate().public_bytes(serialization.Encoding.DER)
WEAK_RSA = rsa.generate_private_key(public_exponent=65_537, key_size=1024)
WEAK_RSA_JWK = json.dumps(
    {"kty": "RSA", "e": "AQAB", "n": base64.urlsafe_b64encode(b"\xff" * 128).decode().rstrip("=")}
)
SMALL_EXPONENT = rsa.generate_private_key(public_exponent=3, key_size=2048)
OTHER_ED_X = jwk.OKPKey.generate_key("Ed25519").as_dict(private=False)["x"]
OTHER_EC = jwk.ECKey.generate_key("P-256").as_dict(private=False)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param("a plain text that is long enough to be a secret", id="plain secret"),
        pytest.param(K, id="base64 secret"),
        pytest.param(_pem(WEAK_RSA), id="RSA of 1024 bits"),
        pytest.param(WEAK_RSA_JWK, id="RSA JWK of 1024 bits"),
        pytest.param(_pem(SMALL_EXPONENT), id="RSA exponent 3"),
        pytest.param(_pem(ec.generate_private_key(ec.SECP384R1())), id="P-384"),
        pytest.param(_pem(ec.generate_private_key(ec.SECP521R1())), id="P-521"),
        pytest.param(_pem(ec.generate_private_key(ec.SECP256K1())), id="secp256k1"),
        pytest.param(_jwk(jwk.ECKey.generate_key("secp256k1")), id="secp256k1 JWK"),
        pytest.param(_pem(ed448.Ed448PrivateKey.generate()), id="Ed448"),
        pytest.param(_pem(x25519.X25519PrivateKey.generate()), id="X25519"),
        pytest.param(_pem(dsa.generate_private_key(2048)), id="DSA"),
        pytest.param(_pem(jwk.RSAKey.import_key(RSA_PEM).private_key, b"secret"), id="password"),
        pytest.param(CERTIFICATE_PEM.decode(), id="certificate"),
        pytest.param(RSA_PEM + OTHER_RSA_PEM, id="two PEM blocks"),
        pytest.param(RSA_PEM[:200], id="half a PEM block"),
        pytest.param(_jwk(RSA, use="enc"), id="JWK for encryption"),
        pytest.param(_jwk(RSA, use="tls"), id="JWK for another use"),
        pytest.param(_jwk(RSA, key_ops=["encrypt"]), id="JWK for other operations"),
        pytest.param(_jwk(RSA, key_ops=[]), id="JWK for no operation"),
        pytest.param(_jwk(RSA, key_ops="sign"), id="JWK with operations as text"),
        pytest.param(_jwk(RSA, alg="RSA-OAEP"), id="JWK of an encryption algorithm"),
        pytest.param(_jwk(RSA, alg=5), id="JWK of a number as algorithm"),
        pytest.param(_jwk(ED, x=OTHER_ED_X), id="Ed25519 JWK with a foreign public half"),
        pytest.param(
            _jwk(EC, x=OTHER_EC["x"], y=OTHER_EC["y"]), id="P-256 JWK with a foreign public half"
        ),
        pytest.param(_jwk(RSA, n=5), id="JWK with a number as text"),
        pytest.param(json.dumps({"kty": "RSA"}), id="JWK without a key"),
        pytest.param(json.dumps({"kty": "new", "d": "AA"}), id="JWK of an unknown kind"),
        pytest.param(json.dumps({"keys": [OCT]}), id="JWK set"),
        pytest.param('{"kty":"oct","kty":"RSA"}', id="JWK with a member twice"),
        pytest.param("{", id="half a JWK"),
        pytest.param(json.dumps({"kty": "oct", "k": K[:42]}), id="oct of 31 bytes"),
        pytest.param(json.dumps({"kty": "oct", "k": K + "="}), id="oct with padding"),
        pytest.param(json.dumps({"kty": "oct", "k": 5}), id="oct of a number"),
        pytest.param(json.dumps({"kty": "oct"}), id="oct without a key"),
        pytest.param("{\ud800}", id="half a character"),
    ],
)
def test_a_key_that_is_weak_or_meant_for_something_else_is_refused(text: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        TokenKey.from_text("k1", text)

    assert refused.value.field == "token key k1"
    assert len(text) < 8 or text[:8] not in str(refused.value)


BARE_PEM = "".join(RSA_PUBLIC_PEM.splitlines()[1:-1]).encode()


@pytest.mark.parametrize(
    "secret",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(SECRET[:31], id="31 bytes"),
        pytest.param(RSA_PUBLIC_PEM.encode(), id="public PEM"),
        pytest.param(b"  \n" + RSA_PUBLIC_PEM.encode(), id="public PEM after blanks"),
        pytest.param(RSA_PUBLIC_PEM.strip().encode(), id="public PEM without its end of line"),
        pytest.param(RSA_PUBLIC_PEM.replace("\n", "\r\n").encode(), id="public PEM of Windows"),
        pytest.param(RSA_PEM.encode(), id="private PEM"),
        pytest.param(CERTIFICATE_PEM, id="certificate"),
        pytest.param(RSA_PUBLIC_DER, id="public DER"),
        pytest.param(CERTIFICATE_DER, id="certificate DER"),
        pytest.param(BARE_PEM, id="public PEM without its armour"),
        pytest.param("\n".join(RSA_PUBLIC_PEM.splitlines()[1:-1]).encode(), id="the same in lines"),
        pytest.param(json.dumps(RSA.as_dict(private=False)).encode(), id="public JWK"),
        pytest.param(json.dumps({"keys": [RSA.as_dict(private=False)]}).encode(), id="JWK set"),
        pytest.param(b"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ user@host", id="SSH"),
        pytest.param(b"ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTY", id="SSH ECDSA"),
        pytest.param(b"---- BEGIN SSH2 PUBLIC KEY ----\nAAAAB3NzaC1yc2E", id="SSH2"),
    ],
)
def test_what_is_short_or_public_never_becomes_a_secret(secret: bytes) -> None:
    k = base64.urlsafe_b64encode(secret).rstrip(b"=").decode()

    with pytest.raises(InvalidValue):
        TokenKey.from_secret("k1", secret)
    with pytest.raises(InvalidValue):
        TokenKey.from_text("k1", json.dumps({"kty": "oct", "k": k}))


def test_a_key_of_the_traditional_form_is_read() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    traditional = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    ).decode()

    assert (
        TokenKey.from_text("k1", traditional).key == TokenKey.from_text("k2", private_pem(key)).key
    )
