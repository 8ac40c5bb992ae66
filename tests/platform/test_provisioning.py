"""Provisioning: TF-M's dummy values, a user's own from YAML, and what ends up in OTP."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfm_sim.platform import provisioning
from tfm_sim.platform.iak_type import IakType
from tfm_sim.platform.lifecycle import OtpLcs
from tfm_sim.platform.otp import OtpField, OtpLayout
from tfm_sim.platform.provisioning import (
    DUMMY,
    DUMMY_ROTPKS,
    Provisioning,
    ProvisioningError,
    dummy_notice,
    load_provisioning,
    parse_provisioning,
    provisioned_otp,
)

EXAMPLE_FILE = Path(provisioning.__file__).parent / "provisioning_dummy.yaml"
EXAMPLE = EXAMPLE_FILE.read_text()


def line_of(key: str) -> int:
    return next(n for n, line in enumerate(EXAMPLE.splitlines(), 1) if line.startswith(key))


def test_the_example_file_is_tfms_dummy_device() -> None:
    assert load_provisioning(EXAMPLE_FILE) == DUMMY


@pytest.mark.parametrize(
    "key, value, message",
    [
        ("huk", "00ff", "huk: wrong length; found 2 bytes; legal: 32 bytes as 64 hex digits"),
        ("huk", "xyz", "huk: not hex; found 'xyz'; legal: 32 bytes as 64 hex digits"),
        ("huk", "[1]", "huk: wrong type; found a sequence; legal: 32 bytes"),
        ("iak", "00" * 32, "iak: not a P-256 private key; legal: 1 up to the order of the curve less 1"),
        ("iak", "ff" * 32, "iak: not a P-256 private key"),
        ("iak", "01" * 33, "iak: wrong length; found 33 bytes"),
        ("iak_type", "RSA", "iak_type: not legal; found 'RSA'; legal: SECP_R1, HMAC"),
        ("boot_seed", "00" * 31, "boot_seed: wrong length; found 31 bytes"),
        ("implementation_id", '""', "implementation_id: wrong length; found 0 bytes"),
        ("cert_ref", "c" * 33, "cert_ref: not a text for a 32-byte field"),
        ("cert_ref", '"a\\0b"', "cert_ref: not a text for a 32-byte field"),
        ("verification_service_url", "", "verification_service_url: wrong type; found nothing"),
        ("entropy_seed", "00" * 63, "entropy_seed: wrong length; found 63 bytes; legal: 64 bytes"),
        ("lifecycle", "0x3000", "lifecycle: not legal; found 0x3000; legal: ASSEMBLY_AND_TEST, "),
    ],
)  # fmt: skip
def test_a_wrong_value_is_named_with_its_line(tmp_path: Path, key: str, value: str, message: str) -> None:
    path = tmp_path / "p.yaml"
    lines = EXAMPLE.splitlines()
    number = line_of(f"{key}:")
    lines[number - 1] = f"{key}: {value}"
    path.write_text("\n".join(lines))
    with pytest.raises(ProvisioningError) as caught:
        load_provisioning(path)
    assert str(caught.value).startswith(f"{path}:{number}: {message}")


@pytest.mark.parametrize(
    "text, message",
    [
        ("lifecycle: SECURED\n", "1: missing key 'huk'; found lifecycle"),
        ("huk: 00\n", "1: missing key 'lifecycle'; found huk"),
        ("lifecycle: SECURED\nhukk: 00\n", "2: unknown key; found 'hukk'; legal: lifecycle, huk, iak"),
        (
            "lifecycle: ASSEMBLY_AND_TEST\nrotpks: [0011]\n",
            "2: rotpks[0]: not a ROTPK; found 2 bytes; legal: 32",
        ),
        (
            "lifecycle: ASSEMBLY_AND_TEST\nrotpks: ['', '', '', '', '']\n",
            "2: rotpks: wrong number of items; found 5; legal: 0 to 4",
        ),
        ("- a\n", "1: wrong type; found a sequence; legal: a mapping"),
    ],
)
def test_a_wrong_file_is_named_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "p.yaml"
    path.write_text(text)
    with pytest.raises(ProvisioningError) as caught:
        load_provisioning(path)
    assert str(caught.value).startswith(f"{path}:{message}")


def test_no_message_shows_a_key(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text(EXAMPLE.replace("iak_type: SECP_R1", "iak_type: nope"))
    with pytest.raises(ProvisioningError) as caught:
        load_provisioning(path)
    assert DUMMY.iak.hex() not in str(caught.value)
    for secret in (DUMMY.iak, DUMMY.huk, DUMMY.entropy_seed):
        assert secret.hex() not in repr(DUMMY) and str(secret) not in repr(DUMMY)


def test_a_device_in_the_factory_needs_no_keys(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text("lifecycle: PSA_ROT_PROVISIONING\n")
    assert load_provisioning(path) == Provisioning(lifecycle=OtpLcs.PSA_ROT_PROVISIONING)


def test_digits_only_stay_hex_and_text(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text(f"lifecycle: ASSEMBLY_AND_TEST\nhuk: {'01' * 32}\ncert_ref: 060456527282910010\n")
    found = load_provisioning(path)
    assert (found.huk, found.cert_ref) == (b"\x01" * 32, b"060456527282910010")


@pytest.mark.parametrize(
    "lifecycle, code",
    [
        ("ASSEMBLY_AND_TEST", 0),
        ("PSA_ROT_PROVISIONING", 1),
        ("SECURED", 3),
        ("DECOMMISSIONED", 7),
        ("UNKNOWN", 15),
    ],
)
def test_the_lifecycle_is_burnt_as_tfms_code(lifecycle: str, code: int) -> None:
    otp = provisioned_otp(replace(DUMMY, lifecycle=OtpLcs[lifecycle]))
    assert otp.read(OtpField.LCS) == bytes([code, 0, 0, 0])


@pytest.mark.parametrize(
    "rotpk, size, stored",
    [
        (DUMMY_ROTPKS["RSA-3072"][0], 68, DUMMY_ROTPKS["RSA-3072"][0] + bytes(36)),
        (DUMMY_ROTPKS["RSA-3072"][0], 32, DUMMY_ROTPKS["RSA-3072"][0]),
        (DUMMY_ROTPKS["EC-P256 builtin"][0], 68, DUMMY_ROTPKS["EC-P256 builtin"][0] + bytes(3)),
        (DUMMY_ROTPKS["EC-P384"][0], 48, DUMMY_ROTPKS["EC-P384"][0]),
    ],
)
def test_rotpks_are_stored_as_they_are_and_padded(rotpk: bytes, size: int, stored: bytes) -> None:
    otp = provisioned_otp(replace(DUMMY, rotpks=(b"\1" * 32, rotpk)), OtpLayout(rotpk_size=size))
    assert otp.read(OtpField.BL2_ROTPK_1) == stored
    assert otp.read(OtpField.BL2_ROTPK_2) == bytes(size)


@pytest.mark.parametrize(
    "values",
    [
        replace(DUMMY, rotpks=(b"\4" * 65,)),
        replace(DUMMY, huk=b"\1" * 33),
        replace(DUMMY, entropy_seed=b"\1" * 65),
    ],
)
def test_values_that_do_not_fit_the_otp_are_refused(values: Provisioning) -> None:
    with pytest.raises(ProvisioningError, match=r"provisioning: OTP \w+: \d+ bytes; legal: at most \d+"):
        provisioned_otp(values, OtpLayout(rotpk_size=32))


@pytest.mark.parametrize(
    "text, stored", [(b"x" * 35, b"x" * 32), (b"abc", b"abc" + bytes(29)), (b"", bytes(32))]
)
def test_texts_fill_their_32_bytes(text: bytes, stored: bytes) -> None:
    """TF-M cuts the longer profile strings in the 32-byte OTP field."""
    otp = provisioned_otp(replace(DUMMY, profile_definition=text))
    assert otp.read(OtpField.PROFILE_DEFINITION) == stored


@pytest.mark.parametrize(
    "iak, dummy",
    [
        (DUMMY.iak, True),
        (DUMMY.iak[:8] + bytes(24), True),
        (DUMMY.iak[:7] + bytes(25), False),
        (b"\1" * 32, False),
        (b"", False),
    ],
)
def test_dummy_keys_are_told_by_the_first_eight_bytes_of_the_iak(iak: bytes, dummy: bool) -> None:
    values = replace(DUMMY, iak=iak)
    assert values.is_dummy is dummy
    notice = dummy_notice(provisioned_otp(values))
    assert (notice is not None) is dummy
    assert notice is None or "NOT SECURE" in notice


def test_a_symmetric_key_keeps_its_type_and_id(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text(
        EXAMPLE.replace("iak_type: SECP_R1", "iak_type: HMAC\niak_id: kid@trustedfirmware.example")
    )
    values = load_provisioning(path)
    assert values.iak_type is IakType.HMAC
    otp = provisioned_otp(values)
    assert otp.read(OtpField.IAK_TYPE).hex() == "09008003"
    assert otp.read(OtpField.IAK_ID).rstrip(b"\0") == b"kid@trustedfirmware.example"


@given(st.binary(max_size=120))
def test_arbitrary_bytes_raise_only_provisioning_error(raw: bytes) -> None:
    try:
        parse_provisioning(raw, "p.yaml")
    except ProvisioningError as error:
        assert str(error).startswith("p.yaml:")


@pytest.mark.parametrize(
    ("kind", "key", "legal"),
    [
        ("SECP_R1", "01" * 32, True),
        ("SECP_R1", "01" * 48, True),
        ("SECP_R1", "00" + "01" * 65, True),
        ("SECP_R1", "ff" * 48, False),
        ("SECP_R1", "02" + "00" * 65, False),
        ("SECP_R1", "01" * 64, False),
        ("HMAC", "ff" * 32, True),
        ("HMAC_384", "ff" * 48, True),
        ("HMAC_512", "ff" * 64, True),
        ("HMAC", "ff" * 66, False),
    ],
)
def test_attestation_keys_of_each_length(tmp_path: Path, kind: str, key: str, legal: bool) -> None:
    path = tmp_path / "p.yaml"
    text = re.sub(r"(?m)^iak: .*$", f"iak: {key}", EXAMPLE)
    path.write_text(re.sub(r"(?m)^iak_type: .*$", f"iak_type: {kind}", text))
    if not legal:
        with pytest.raises(ProvisioningError, match="iak: "):
            load_provisioning(path)
        return
    values = load_provisioning(path)
    assert (values.iak.hex(), values.iak_type.name) == (key, kind)  # type: ignore[attr-defined]
    otp = provisioned_otp(values, OtpLayout(iak_size=66))
    assert otp.read(OtpField.IAK, len(values.iak)) == values.iak
    if len(values.iak) > 32:
        with pytest.raises(ProvisioningError, match=r"OTP IAK: .* bytes; legal: at most 32"):
            provisioned_otp(values)
