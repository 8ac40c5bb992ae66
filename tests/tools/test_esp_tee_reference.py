"""Enrolled devices and reference values in YAML: there and back, and each mistake with its line."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.esp_token import KEY, members

from tfm_sim.tools.esp_tee import Enrolled, Reference, ReferenceUnusable, SoftwareReference
from tfm_sim.tools.esp_tee.reference_yaml import parse_book, write_devices, write_reference
from tfm_sim.tools.verifier.keys import from_public

POINT = members()["public_key"]["compressed"]


def test_there_and_back() -> None:
    devices = (Enrolled(from_public(KEY.public_key()), "lamp 7", bytes(32)),)
    software = {
        "tee": SoftwareReference((bytes(32), b"\x01" * 32), ("v0.3.0",), ("v5.5",), 0),
        "app": SoftwareReference(versions=("1.0",)),
    }
    reference = Reference(software, True, 0x0FACADE0, ("0716053550477-10100",), (165,), (13,), 1)
    book = parse_book((write_devices(devices) + write_reference(reference)).encode())
    assert book.register.devices == devices
    assert book.reference == reference


def test_a_pem_key() -> None:
    raw = f'devices: [{{name: lamp, public_key: "{from_public(KEY.public_key()).point().hex()}"}}]'.encode()
    assert parse_book(raw).register.devices[0].key.point() == from_public(KEY.public_key()).point()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{}", "no book"),
        ("device: []", "unknown key"),
        ("devices: [{name: lamp}]", "missing key 'public_key'"),
        (
            f"devices:\n  - name: lamp\n    public_key: {'00' * 33}",
            "book:3: devices[0].public_key: not a key",
        ),
        (f'devices: [{{name: x, public_key: "{POINT}", device_id: "00"}}]', "device_id"),
        ("reference: {secure_boot: perhaps}", "legal: true or false"),
        ("reference: {software: {kernel: {}}}", "legal: tee, app, bootloader"),
        ("reference: {software: {tee: {digests: []}}}", "legal: at least 1"),
        ("reference: {device_status: [256]}", "out of range"),
    ],
)
def test_mistakes(text: str, said: str) -> None:
    with pytest.raises(ReferenceUnusable) as caught:
        parse_book(text.encode(), "book")
    assert said in str(caught.value)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=80) | st.text(alphabet='devicsfrn: []{}\n-"0', max_size=80).map(str.encode))
def test_arbitrary_files(raw: bytes) -> None:
    try:
        parse_book(raw)
    except ReferenceUnusable as error:
        assert str(error).startswith("reference:")
