"""TLS: a collector that cannot prove who it is gets nothing, and nothing in clear text."""

from __future__ import annotations

import datetime
import ipaddress
import socket
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from flask_jafsec.audit.sinks.target import TlsInvalid
from tests.audit.sinks.collecting import TOKEN, collector
from tests.audit.sinks.made import event, record
from tests.audit.sinks.receivers import (
    Receiver,
    answering,
    status,
    tcp_receiver,
)


def certificate(folder: Path, name: str) -> tuple[Path, ssl.SSLContext]:
    """Make a self-signed certificate for *name*; return its file and a server's context."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "collector")])
    now = datetime.datetime.now(datetime.UTC)
    try:
        named: x509.GeneralName = x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        named = x509.DNSName(name)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([named]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file, key_file = folder / f"{name}.pem", folder / f"{name}.key"
    file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file, key_file)
    return file, context


def test_a_certificate_one_trusts_is_taken(tmp_path: Path) -> None:
    file, context = certificate(tmp_path, "127.0.0.1")
    with tcp_receiver(answering(status(200)), tls=context) as receiver:
        collector(receiver.port, is_tls=True, ca_file=str(file)).send([record(event())])

        assert b'"leaf_index":5' in receiver.wait_for(1)[0]


@pytest.mark.parametrize(
    ("name", "trusted"),
    [
        pytest.param("127.0.0.1", False, id="self-signed"),
        pytest.param("other.example", True, id="another name"),
    ],
)
def test_a_certificate_that_proves_nothing_gets_nothing(
    tmp_path: Path, name: str, trusted: bool
) -> None:
    file, context = certificate(tmp_path, name)
    ca_file = str(file) if trusted else ""
    with tcp_receiver(answering(status(200)), tls=context) as receiver:
        target = collector(receiver.port, is_tls=True, ca_file=ca_file, token=TOKEN)

        with pytest.raises(TlsInvalid, match="the certificate is not valid"):
            target.send([record(event())])

        assert receiver.taken == []


def test_a_collector_without_tls_gets_nothing_in_clear_text() -> None:
    def listen(connection: socket.socket, receiver: Receiver) -> None:
        receiver.take(connection.recv(65_536))
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with tcp_receiver(listen) as receiver:
        with pytest.raises(TlsInvalid, match="no TLS is spoken"):
            collector(receiver.port, is_tls=True, token=TOKEN).send([record(event())])
        (heard,) = receiver.wait_for(1)

    assert heard[:1] == b"\x16"
    assert TOKEN.encode() not in heard
    assert b"leaf_index" not in heard


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_lost_file_of_certificates_is_no_reason_to_trust_everybody(
    tmp_path: Path, content: str | None
) -> None:
    file, context = certificate(tmp_path, "127.0.0.1")
    if content is None:
        file.unlink()
    else:
        file.write_text(content)
    with tcp_receiver(answering(status(200)), tls=context) as receiver:
        with pytest.raises(TlsInvalid):
            collector(receiver.port, is_tls=True, ca_file=str(file)).send([record(event())])

        assert receiver.taken == []
