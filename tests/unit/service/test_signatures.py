"""HTTP message signatures: the RFC's own vector, and everything else is refused."""

from __future__ import annotations

import base64
import string
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain.signatures import SignatureFormError, SignedRequest, read_digest, read_signature
from service.domain.sources import SourceSystem, secret_of

# RFC 9421 appendix B.1.5 and B.2.5
SECRET = base64.b64decode(
    "uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtjUkdJPBtbmHhIDi6pcl8jsasjlTMtDQ=="
)
VECTOR = SignedRequest(
    "POST",
    "/foo",
    "?param=Value&Pet=dog",
    {
        "host": "example.com",
        "date": "Tue, 20 Apr 2021 02:07:55 GMT",
        "content-type": "application/json",
        "content-length": "18",
        "signature-input": (
            'sig-b25=("date" "@authority" "content-type");created=1618884473;keyid="test-shared-secret"'
        ),
        "signature": "sig-b25=:pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8=:",
    },
)
INPUT = VECTOR.headers["signature-input"]


def with_fields(**fields: str) -> SignedRequest:
    return replace(VECTOR, headers={**VECTOR.headers, **{k.replace("_", "-"): v for k, v in fields.items()}})


def test_the_vector_of_the_standard_verifies() -> None:
    signature = read_signature(VECTOR)
    assert signature.base == (
        b'"date": Tue, 20 Apr 2021 02:07:55 GMT\n'
        b'"@authority": example.com\n'
        b'"content-type": application/json\n'
        b'"@signature-params": ("date" "@authority" "content-type")'
        b';created=1618884473;keyid="test-shared-secret"'
    )
    assert signature.is_by(SECRET)
    assert not signature.is_by(SECRET[:-1])
    assert signature.parameters == {"created": "1618884473", "keyid": "test-shared-secret"}


def test_the_digest_of_the_standard_is_read() -> None:
    field = "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:"  # RFC 9530 appendix D
    assert read_digest(field).hex().startswith("5f8f04f6a3a892aa")
    for wrong in ("", field + ",", field + ", " + field, field.replace("256", "512"), field[:-1]):
        with pytest.raises(SignatureFormError):
            read_digest(wrong)


@pytest.mark.parametrize(
    "value",
    [
        "",
        INPUT + ", " + INPUT,
        INPUT.replace("sig-b25", "sig2"),
        INPUT.replace('"date"', '"date" "date"'),
        INPUT.replace('"date"', '"date";sf'),
        INPUT.replace('"date"', '"@status"'),
        INPUT.replace('"date"', '"@signature-params"'),
        INPUT.replace('"date"', '"Date"'),
        INPUT.replace('"date" ', '"date"  '),
        INPUT.replace('"date"', '"not-there"'),
        INPUT + ";created=1618884473",
        INPUT + ';alg="rsa-pss-sha512"',
        INPUT + ";expires=1",
        INPUT.replace(";created=1618884473", ""),
        INPUT.replace(';keyid="test-shared-secret"', ""),
        INPUT.replace("1618884473", '"1618884473"'),
        INPUT.replace("1618884473", "-1618884473"),
        INPUT + "\n",
        "sig-b25=();created=1;keyid=x",
    ],
)
def test_every_other_form_is_refused(value: str) -> None:
    with pytest.raises(SignatureFormError):
        read_signature(with_fields(signature_input=value))


@given(st.text(alphabet=string.printable, max_size=200))
def test_no_text_in_the_signature_fields_does_harm(text: str) -> None:
    for name in ("signature_input", "signature"):
        with pytest.raises(SignatureFormError):
            read_signature(with_fields(**{name: text}))


@pytest.mark.parametrize("value", ["a\nb", "a\r\nb", "\x00", "é"])
def test_a_field_that_could_forge_a_line_of_the_base_is_refused(value: str) -> None:
    with pytest.raises(SignatureFormError):
        read_signature(with_fields(date=value))


@given(st.integers(0, len(read_signature(VECTOR).base) - 1), st.integers(1, 255))
def test_any_changed_byte_of_the_base_fails(position: int, flip: int) -> None:
    signature = read_signature(VECTOR)
    changed = bytearray(signature.base)
    changed[position] ^= flip
    assert not replace(signature, base=bytes(changed)).is_by(SECRET)


def test_a_secret_is_of_one_name_and_one_version() -> None:
    source = SourceSystem("core-banking", frozenset(), frozenset())
    secrets = {
        secret_of(source, bytes(32)),
        secret_of(source, bytes(31) + b"1"),
        secret_of(replace(source, version=2), bytes(32)),
        secret_of(replace(source, name="core-bank"), bytes(32)),
    }
    assert len(secrets) == 4
    assert secret_of(source, bytes(32)) in secrets
    for name in ("", "A", "a/1", "a" * 40, "a b"):
        with pytest.raises(ValueError, match="core-banking"):
            SourceSystem(name, frozenset(), frozenset())
