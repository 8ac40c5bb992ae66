"""What stands in a token of ESP-TEE, claim by claim, in each of its forms."""

import hashlib
import json
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from support.esp_tee import (
    BOARD,
    CHALLENGE,
    booted,
    build_for,
    esp_digest,
    flashed,
    issue,
    object_texts,
    verifies,
    xy_of,
)

import tfm_sim
from tfm_sim import Device, TokenForm
from tfm_sim.interface.esp_tee.image import EspAppDesc, EspBootloaderDesc
from tfm_sim.tools.esp_tee_firmware import DEMO, EspTeeFirmware

Json = Any
FORMS = list(TokenForm)


@pytest.fixture(scope="module")
def devices() -> Iterator[dict[TokenForm, Device]]:
    made = {form: booted(form) for form in FORMS}
    yield made
    for device in made.values():
        device.power_off()


@pytest.fixture(scope="module")
def tokens(devices: dict[TokenForm, Device]) -> dict[TokenForm, bytes]:
    return {form: issue(device, form) for form, device in devices.items()}


D, S, N, P, C = FORMS
BTL, TEE, APP = ("eat.sw_claims.bootloader", "eat.sw_claims.tee", "eat.sw_claims.app")
MAC = bytes.fromhex("02e5c6000001")
ALL = (D, S, N, P, C)


def at(token: bytes, path: str) -> Json:
    found = json.loads(token)
    for name in path.split("."):
        found = found[name]
    return found


# One row of the layout a line: the forms that have it, its path, its value.
@pytest.mark.parametrize(
    "forms, path, value",
    [
        (ALL, "header.magic", "44fef7cc"),
        (ALL, "header.encr_alg", ""),
        (ALL, "header.sign_alg", "ecdsa_secp256r1_sha256"),
        ((D, S), "header.key_id", 0),
        ((N, P, C), "header.key_id", "tee_att_key0"),
        ((D, S, N), "eat.nonce", 0xA1B2C3D4 - (1 << 32)),
        ((P, C), "eat.auth_challenge", CHALLENGE.hex()),
        (ALL, "eat.client_id", 262974944),
        ((C,), "eat.chip_id", 13),
        (ALL, "eat.device_ver", 1),
        ((C,), "eat.ueid", {"mac": "02e5c6000001", "optional_id": "e5c6" * 8}),
        (ALL, "eat.device_id", hashlib.sha256(MAC).hexdigest()),
        ((D, S, N), "eat.psa_cert_ref", "0716053550477-10100"),
        ((P, C), "eat.psa_cert_ref", "0632793520245-10010"),
        ((D,), "eat.device_status", 255),
        ((S, N, P, C), "eat.device_status", 165),
        (ALL, f"{TEE}.type", 1),
        (ALL, f"{APP}.type", 2),
        (ALL, f"{BTL}.type", 0),
        (ALL, f"{TEE}.ver", "1.0.0"),
        (ALL, f"{APP}.ver", "v0.1.0"),
        ((D,), f"{BTL}.ver", ""),
        ((S, N, P, C), f"{BTL}.ver", "01000000"),
        (ALL, f"{TEE}.idf_ver", "v5.5-tfm-sim"),
        (ALL, f"{APP}.idf_ver", "v5.5-tfm-sim"),
        ((D,), f"{BTL}.idf_ver", ""),
        ((S, N, P, C), f"{BTL}.idf_ver", "v5.5-tfm-sim"),
        (ALL, f"{TEE}.secure_ver", 0),
        (ALL, f"{APP}.secure_ver", 0),
        ((D,), f"{BTL}.secure_ver", -1),
        ((S, N, P, C), f"{BTL}.secure_ver", 0),
        *((ALL, f"{part}.part_chip_rev", {"min": 0, "max": 99}) for part in (TEE, APP, BTL)),
        *((ALL, f"{part}.part_digest.type", 0) for part in (TEE, APP, BTL)),
        (ALL, f"{TEE}.part_digest.calc_digest", esp_digest(DEMO.tee_image())),
        (ALL, f"{APP}.part_digest.calc_digest", esp_digest(DEMO.app_image())),
        (ALL, f"{BTL}.part_digest.calc_digest", esp_digest(DEMO.boot_loader_image())),
        *((ALL, f"{part}.part_digest.digest_validated", True) for part in (TEE, APP, BTL)),
        *((ALL, f"{part}.part_digest.sign_verified", True) for part in (TEE, APP, BTL)),
        *((ALL, f"{part}.part_digest.secure_padding", True) for part in (TEE, APP)),
    ],
)
def test_a_claim(
    tokens: dict[TokenForm, bytes], forms: tuple[TokenForm, ...], path: str, value: Json
) -> None:
    for form in forms:
        found = at(tokens[form], path)
        assert found == value
        assert type(found) is type(value)


MEMBERS = ["type", "ver", "idf_ver", "secure_ver", "part_chip_rev", "part_digest"]
DIGEST = ["type", "calc_digest", "digest_validated", "sign_verified"]
EAT = ["device_id", "instance_id", "psa_cert_ref", "device_status", "sw_claims"]


# The order of members is the writer's, and no other member stands among them.
@pytest.mark.parametrize(
    "forms, path, names",
    [
        (ALL, "", ["header", "eat", "public_key", "sign"]),
        (ALL, "header", ["magic", "encr_alg", "sign_alg", "key_id"]),
        ((D, S, N), "eat", ["nonce", "client_id", "device_ver", *EAT]),
        ((P,), "eat", ["auth_challenge", "client_id", "device_ver", *EAT]),
        ((C,), "eat", ["auth_challenge", "client_id", "chip_id", "device_ver", "ueid", *EAT]),
        ((C,), "eat.ueid", ["mac", "optional_id"]),
        (ALL, "eat.sw_claims", ["tee", "app", "bootloader"]),
        *((ALL, part, MEMBERS) for part in (TEE, APP, BTL)),
        *((ALL, f"{part}.part_chip_rev", ["min", "max"]) for part in (TEE, APP, BTL)),
        *((ALL, f"{part}.part_digest", [*DIGEST, "secure_padding"]) for part in (TEE, APP)),
        (ALL, f"{BTL}.part_digest", DIGEST),
        (ALL, "public_key", ["compressed"]),
        (ALL, "sign", ["r", "s"]),
    ],
)
def test_the_order(
    tokens: dict[TokenForm, bytes], forms: tuple[TokenForm, ...], path: str, names: list[str]
) -> None:
    for form in forms:
        found = json.loads(tokens[form]) if not path else at(tokens[form], path)
        assert list(found) == names


@pytest.mark.parametrize("form", FORMS)
def test_a_token_is_compact(tokens: dict[TokenForm, bytes], form: TokenForm) -> None:
    token = tokens[form]
    assert token == json.dumps(json.loads(token), separators=(",", ":")).encode()


@pytest.mark.parametrize("form", FORMS)
def test_key_and_signature(tokens: dict[TokenForm, bytes], form: TokenForm) -> None:
    token = tokens[form]
    compressed = at(token, "public_key.compressed")
    assert len(compressed) == 66
    assert compressed[:2] == ("03" if xy_of(token)[-1] & 1 else "02")
    assert [len(at(token, f"sign.{name}")) for name in "rs"] == [64, 64]
    # Of the raw point, without the 04 in front and not compressed.
    assert at(token, "eat.instance_id") == hashlib.sha256(xy_of(token)).hexdigest()
    assert verifies(token)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", ["header", "eat", "public_key"])
def test_what_is_signed_is_the_text_as_transmitted(
    tokens: dict[TokenForm, bytes], form: TokenForm, name: str
) -> None:
    """A blank in one of the three objects is the same JSON, and another message."""
    token = tokens[form]
    text = object_texts(token)[name]
    spaced = token.replace(text, text.replace(b":", b": ", 1))
    assert json.loads(spaced) == json.loads(token)
    assert not verifies(spaced)


@pytest.mark.parametrize("form", FORMS)
def test_the_signature_is_outside_of_what_is_signed(tokens: dict[TokenForm, bytes], form: TokenForm) -> None:
    token = tokens[form]
    text = object_texts(token)["sign"]
    assert verifies(token.replace(text, text.replace(b":", b": ", 1)))


# The numbers of a call are u32 and print as int.
@pytest.mark.parametrize(
    "given, printed",
    [(0, 0), (1, 1), (0x7FFFFFFF, 0x7FFFFFFF), (0x80000000, -0x80000000), (0xFFFFFFFF, -1)],
)
def test_numbers(devices: dict[TokenForm, Device], given: int, printed: int) -> None:
    token = devices[D].esp_tee.generate_token(given, given)
    assert (at(token, "eat.nonce"), at(token, "eat.client_id")) == (printed, printed)


@pytest.mark.parametrize("size", [32, 48, 64])
def test_challenges(devices: dict[TokenForm, Device], size: int) -> None:
    token = devices[C].esp_tee.get_token(bytes(size))
    assert at(token, "eat.auth_challenge") == "00" * size
    assert verifies(token)


def described(
    tee: EspAppDesc, app: EspAppDesc, boot_loader: EspBootloaderDesc, revs: tuple[int, int]
) -> Json:
    firmware = EspTeeFirmware(boot_loader, tee, app, revs, secure_padding=False)
    with flashed(firmware) as device:
        token = device.power_on().esp_tee.generate_token(1, 2)
    assert verifies(token)
    return json.loads(token)["eat"]["sw_claims"]


def test_claims_follow_the_images_that_booted() -> None:
    claims = described(
        EspAppDesc(b"v2", b"v6.0-1", 3),
        EspAppDesc(b"", b"v6.0-2", 9),
        EspBootloaderDesc(0x01020304, b"v6", 5),
        (1, 199),
    )
    assert [claims[part]["ver"] for part in claims] == ["v2", "", "04030201"]
    assert [claims[part]["idf_ver"] for part in claims] == ["v6.0-1", "v6.0-2", "v6"]
    assert [claims[part]["secure_ver"] for part in claims] == [3, 9, 5]
    assert [claims[part]["part_chip_rev"] for part in claims] == [{"min": 1, "max": 199}] * 3
    assert [claims[part]["part_digest"].get("secure_padding") for part in claims] == [False, False, None]


def test_versions_of_31_characters_are_the_longest() -> None:
    long = b"v" * 40
    claims = described(
        EspAppDesc(long, long),
        EspAppDesc(long, long, 0xFFFFFFFF),
        EspBootloaderDesc(0xFFFFFFFF, long),
        (0, 65535),
    )
    assert {claims[part]["idf_ver"] for part in claims} == {"v" * 31}
    assert (claims["app"]["ver"], claims["app"]["secure_ver"]) == ("v" * 31, -1)


@pytest.mark.parametrize(
    ("part", "ver", "idf_ver", "secure_ver", "revs", "shown"),
    [
        ("app", b"v" * 32, b"i" * 31, 0x41, (0, 0), [b"v" * 32 + b"i" * 31, b"i" * 31]),
        ("tee", b"v" * 32, b"i" * 32, 0, (0x6161, 0), [b"v" * 32 + b"i" * 32, b"i" * 32]),
        ("app", b"v", b"i" * 32, 0x4241, (0x6161, 0), [b"v", b"i" * 32 + b"AB"]),
        ("tee", b"v", b"i" * 32, 0x44434241, (0x6261, 0x6463), [b"v", b"i" * 32 + b"ABCDabcd"]),
        ("bootloader", b"", b"i" * 32, 0x41, (0, 0), [b"01000000", b"i" * 32 + b"A"]),
    ],
)
def test_texts_without_a_nul_run_on(
    part: str, ver: bytes, idf_ver: bytes, secure_ver: int, revs: tuple[int, int], shown: list[bytes]
) -> None:
    """esp_att_part_metadata_t: ver[32], idf_ver[32], secure_ver, two revisions, type of digest: 0."""
    desc = bytearray(DEMO.boot_loader.encode() if part == "bootloader" else DEMO.app.encode())
    secure_at, secure_size, idf_at = (3, 1, 8) if part == "bootloader" else (4, 4, 112)
    desc[secure_at : secure_at + secure_size] = secure_ver.to_bytes(secure_size, "little")
    desc[idf_at : idf_at + 32] = idf_ver.ljust(32, b"\0")
    if part != "bootloader":
        desc[16:48] = ver.ljust(32, b"\0")
    with booted(TokenForm.SLOT) as device:
        start = image_offset(device, part)
        cells = device.hardware.flash["flash0"].cells
        cells[start + 32 : start + 32 + len(desc)] = desc
        cells[start + 15 : start + 19] = b"".join(number.to_bytes(2, "little") for number in revs)
        token = device.esp_tee.generate_token(1, 2)
    claim = json.loads(token)["eat"]["sw_claims"][part]
    assert [claim["ver"].encode(), claim["idf_ver"].encode()] == shown
    assert verifies(token)


def image_offset(device: Device, part: str) -> int:
    """Where ESP-IDF's image of a part lies in flash."""
    cells = device.hardware.flash["flash0"].cells
    start = {"bootloader": 0, "tee": 0x10000, "app": 0xA0000}[part]
    return cells.index(b"\xe9\x01\x02\x20", start)


def test_claims_that_pass_their_buffer_are_cut() -> None:
    """json_gen_add_to_str: until May 2026 there were 1344 bytes, too few for long versions and a challenge of
    64 bytes. What was cut off is hashed as what lay behind the buffer: zeros here.
    """
    long = b"v" * 31
    desc = EspAppDesc(long, long, 0x80000000)
    firmware = EspTeeFirmware(EspBootloaderDesc(1, long), desc, desc)
    tokens = {}
    for form in (P, C):
        with flashed(firmware, form) as device:
            tokens[form] = device.power_on().esp_tee.get_token(bytes(64))
    assert verifies(tokens[C])
    ueids = '"chip_id":13,"ueid":{"mac":"","optional_id":""},'
    whole = len(object_texts(tokens[C])["eat"]) - len(ueids) - 2 * (6 + 16)
    token = tokens[P]
    with pytest.raises(json.JSONDecodeError):
        json.loads(token)
    eat_at, key_at, sign_at = (token.index(name) for name in (b',"eat":', b',"public_key":', b',"sign":'))
    eat = token[eat_at + 7 : key_at]
    assert len(eat) == 1343 < whole
    hashed = token[len('{"header":') : eat_at] + eat.ljust(whole, b"\0") + token[key_at + 14 : sign_at]
    point = bytes.fromhex(token[sign_at - 68 : sign_at - 2].decode())
    sign = json.loads(token[sign_at + 8 : -1])
    ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point).verify(
        encode_dss_signature(int(sign["r"], 16), int(sign["s"], 16)), hashed, ec.ECDSA(hashes.SHA256())
    )


def test_nothing_is_escaped_so_a_reference_may_write_claims_of_its_own(
    devices: dict[TokenForm, Device],
) -> None:
    """ESP-IDF's writer escapes nothing: up to 32 bytes of the signed text are what the REE likes."""
    token = devices[D].esp_tee.generate_token(1, 2, 'x","device_status":1,"y":"z')
    assert token.count(b'"device_status"') == 2
    assert verifies(token)


def test_a_device_of_another_seed_has_another_key() -> None:
    keys = set()
    for seed in (1, 2):
        with tfm_sim.boot(BOARD, build=build_for(), seed=seed) as device:
            keys.add(xy_of(device.esp_tee.generate_token(1, 2)))
    assert len(keys) == 2
