"""The sample of ESP-IDF's page on attestation: read by the verifier, and the form that a device writes."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from support.esp_tee import booted

from tfm_sim import TokenForm
from tfm_sim.tools.esp_tee import Form, Reference, Register, verify

SAMPLE = (Path(__file__).parents[1] / "data" / "esp_tee_sample.json").read_bytes()
VALUES = json.loads(SAMPLE)
NONCE = -1582119980 & 0xFFFFFFFF
WANTED = Reference(
    secure_boot=True, client_id=262974944, psa_cert_refs=("0716053550477-10100",), device_status=(255,)
)


def paths(values: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, type]]:
    """All members in their order, with the types of the values."""
    for name, value in values.items():
        yield prefix + name, type(value)
        if isinstance(value, dict):
            yield from paths(value, f"{prefix}{name}.")


def test_the_sample_keeps_every_rule_but_its_signature() -> None:
    """Its instance id is the hash of its key; with line breaks it is not the text that was signed."""
    register = Register.of(VALUES["public_key"]["compressed"])
    verdict = verify(SAMPLE, register, nonce=NONCE, reference=WANTED)
    assert verdict.form is Form.SLOT
    assert verdict.kinds() == {"signature-invalid"}
    assert verdict.warnings == ()


def test_the_key_of_the_sample_is_nobodys_until_it_is_enrolled() -> None:
    assert verify(SAMPLE, Register(), nonce=NONCE).kinds() == {"signature-invalid", "no-trust-anchor"}


def test_a_device_writes_the_members_of_the_sample_in_its_order() -> None:
    with booted(TokenForm.DOCUMENT) as device:
        token = device.esp_tee.generate_token(NONCE, 262974944)
    made = json.loads(token)
    assert list(paths(made)) == list(paths(VALUES))
    assert made["header"] == VALUES["header"]
    same = ("nonce", "client_id", "device_ver", "psa_cert_ref", "device_status")
    assert [made["eat"][name] for name in same] == [VALUES["eat"][name] for name in same]
    for part, claims in made["eat"]["sw_claims"].items():
        sample = VALUES["eat"]["sw_claims"][part]
        for name in ("type", "secure_ver", "part_chip_rev"):
            assert claims[name] == sample[name]
        del claims["part_digest"]["calc_digest"], sample["part_digest"]["calc_digest"]
        assert claims["part_digest"] == sample["part_digest"]
