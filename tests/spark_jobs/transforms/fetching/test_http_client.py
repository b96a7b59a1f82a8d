"""Whom a fetch trusts: a server that proves who it is, and the proxy of the environment, whose password stays unsaid."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
import threading
from base64 import b64encode
from collections.abc import Iterator
from http.server import HTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from spark_jobs.transforms.fetching.fetch_limits import FetchLimits
from spark_jobs.transforms.fetching.http_answers import PassingError, RefusedError
from spark_jobs.transforms.fetching.http_client import HttpClient
from tests.spark_jobs.small_survey_server import FakeClock, Handler, QuietServer, SurveyServer, survey_server


@pytest.fixture(autouse=True)
def no_proxy_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def client() -> HttpClient:
    return HttpClient(FetchLimits(timeout_seconds=5), FakeClock())


def body(url: str) -> bytes:
    with client().get(url, {}) as response:
        return bytes(response.read())


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Key and certificate of a server that nobody vouches for."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    built = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    built = built.serial_number(7).not_valid_before(now - datetime.timedelta(1)).not_valid_after(now + datetime.timedelta(1))
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    signed = built.add_extension(names, critical=False).sign(key, hashes.SHA256())
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(private + signed.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.fixture
def secure(certificate: Path) -> Iterator[str]:
    """The address of a server that speaks TLS."""
    handler = type("SecureHandler", (Handler,), {"survey": SurveyServer("", {"/a": b"content"})})
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with QuietServer(("127.0.0.1", 0), handler) as http:
        http.socket = context.wrap_socket(http.socket, server_side=True)
        thread = threading.Thread(target=HTTPServer.serve_forever, args=(http, 0.01))
        thread.start()
        yield f"https://127.0.0.1:{http.server_address[1]}/a"
        http.shutdown()
        thread.join()


def test_a_server_that_nobody_vouches_for_is_refused(secure: str) -> None:
    with pytest.raises(RefusedError, match="the server's TLS certificate cannot be verified"):
        body(secure)


def test_a_server_that_the_machine_vouches_for_is_asked(
    secure: str, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    assert body(secure) == b"content"


def test_a_server_that_is_not_there_may_be_there_later() -> None:
    with survey_server() as server:
        address = server.address
    with pytest.raises(PassingError, match=r"the line failed \(ConnectionRefusedError\)"):
        body(f"{address}/a")


def test_the_proxy_of_the_environment_is_asked_and_told_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    with survey_server() as proxy:
        proxy.content["http://survey.invalid/a"] = b"through the proxy"
        monkeypatch.setenv("http_proxy", proxy.address.replace("://", "://me:secret@"))
        assert body("http://survey.invalid/a") == b"through the proxy"
        assert proxy.asked[0][1]["proxy-authorization"] == f"Basic {b64encode(b'me:secret').decode()}"
        assert proxy.asked[0][1]["User-Agent"].startswith("darkhaloscope/")


def test_a_host_that_the_environment_excepts_is_asked_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://me:secret@127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with survey_server() as server:
        server.content["/a"] = b"itself"
        assert body(f"{server.address}/a") == b"itself"


def test_the_password_of_a_proxy_that_fails_stays_unsaid(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://me:secret@127.0.0.1:9")
    with pytest.raises(PassingError, match="the line failed") as told:
        body("http://survey.invalid/a")
    assert "secret" not in str(told.value)
