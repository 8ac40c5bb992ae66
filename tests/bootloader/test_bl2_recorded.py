"""BL2 against what MCUboot's own code answered for the same images."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tfm_sim.bootloader.bl2 import Bl2
from tfm_sim.bootloader.config import Bl2Config, KeyMode, SignatureType
from tfm_sim.bootloader.keys import load_public_key, public_key_encoding, rotpk_hash
from tfm_sim.bootloader.loader import BootRefused
from tfm_sim.bootloader.ports import PRIMARY, SECONDARY, Ports
from tfm_sim.interface.mcuboot.image import read_header
from tfm_sim.interface.mcuboot.trailer import mark_confirmed, read_swap_state
from tfm_sim.interface.tfm.boot_status import decode_area
from tfm_sim.interface.trace import Trace

Recorded = dict[str, Any]
MakePorts = Callable[..., Ports]

DATA = Path(__file__).parent.parent / "data" / "recordings" / "mcuboot"
EXPECTED: Recorded = json.loads((DATA / "expected.json").read_text())
ORACLE: list[Recorded] = json.loads((DATA / "oracle.json").read_text())
MULTI: list[Recorded] = json.loads((DATA / "oracle_multi_image.json").read_text())["scenarios"]


def _file(name: str) -> bytes:
    return b"" if name == "-" else (DATA / name).read_bytes()


def _slot_state(ports: Ports, name: str) -> Recorded:
    """A slot in the words of the recordings."""
    area = ports.slot(0, name).area
    state = read_swap_state(area)
    return {
        "header": "blank" if area.read(0, 4) == b"\xff" * 4 else "set",
        "magic": state.magic.name.lower(),
        "swap_type": state.swap_type,
        "copy_done": state.copy_done.name.lower(),
        "image_ok": state.image_ok.name.lower(),
    }


def _boot(ports: Ports, config: Bl2Config) -> Recorded:
    """One boot in the words of the recordings."""
    result: Recorded = {"result": "FAIL"}
    base, _ = ports.shared_data
    try:
        outcome = Bl2(ports, config, Trace()).run()
    except BootRefused as refused:
        assert refused.refusals
    else:
        result = {"result": "OK", "version": str(outcome.images[-1].version), "slot": outcome.images[-1].slot}
        if config.measured_boot:
            total = int.from_bytes(ports.memory.read(base + 2, 2), "little")
            result["shared_data"] = ports.memory.read(base, total).hex()
    result["nv_counter_after"] = ports.security_counter(0)
    result["primary"] = _slot_state(ports, PRIMARY)
    result["secondary"] = _slot_state(ports, SECONDARY)
    return result


def _agrees(found: Recorded, recorded: Recorded) -> None:
    for key, value in recorded.items():
        if key not in ("boot", "config", "source"):
            assert found.get(key) == value, key


JUDGED = [name for name, entry in EXPECTED.items() if "boot_as_only_primary" in entry]


@pytest.mark.parametrize("name", JUDGED)
def test_only_primary(name: str, make_ports: MakePorts, oracle_config: Bl2Config) -> None:
    ports = make_ports({(0, PRIMARY): _file(name)})
    _agrees(_boot(ports, oracle_config), EXPECTED[name]["boot_as_only_primary"])


OVERWRITES = [scenario for scenario in ORACLE if scenario["strategy"].startswith("OVERWRITE_ONLY")]


@pytest.mark.parametrize(
    "scenario", OVERWRITES, ids=lambda s: f"{s['name']}: {s['primary']} {s['secondary']}"
)
def test_overwrite(scenario: Recorded, make_ports: MakePorts, oracle_config: Bl2Config) -> None:
    config = replace(oracle_config, downgrade_prevention="DOWNGRADE_PREVENTION" in scenario["strategy"])
    ports = make_ports(
        {(0, PRIMARY): _file(scenario["primary"]), (0, SECONDARY): _file(scenario["secondary"])},
        counter=scenario["nv_counter_before"],
    )
    for recorded in scenario["boots"]:
        _agrees(_boot(ports, config), recorded)
        if recorded["boot"] == 0 and scenario["action_after_boot0"] == "confirm":
            mark_confirmed(ports.slot(0, PRIMARY).area)


@pytest.mark.parametrize("scenario", MULTI, ids=lambda s: f"{s['name']}: {s['flow']}")
def test_two_images(scenario: Recorded, make_ports: MakePorts, oracle_config: Bl2Config) -> None:
    def content(slot: str) -> bytes:
        name = scenario["slots"][slot]
        return _file("-" if name == "-" else f"multi/{name}.bin")

    config = replace(oracle_config, image_number=2, single_boot_go=scenario["flow"].startswith("single"))
    images = {"S": 0, "NS": 1}
    ports = make_ports(
        {(i, name): content(f"{role} {name}") for role, i in images.items() for name in (PRIMARY, SECONDARY)},
        images=2,
    )
    Bl2(ports, config, Trace()).run()
    for role, image in images.items():
        header = read_header(ports.slot(image, PRIMARY).area)
        assert ".".join(map(str, header.version.comparable)) == scenario["after"][role]["primary"]
        blank = ports.slot(image, SECONDARY).area.read(0, 4) == b"\xff" * 4
        assert ("blank" if blank else "present") == scenario["after"][role]["secondary"]
    entries = decode_area(ports.memory.read(*ports.shared_data))
    assert [[f"{e.tlv_type:04x}", str(len(e.data))] for e in entries] == scenario["shared_entries"]


@pytest.mark.parametrize(
    "name, key, options",
    [
        ("good_ed25519.bin", "key_ed25519_pub.pem", {"signature_type": SignatureType.ED25519}),
        (
            "good_ed25519_pure.bin",
            "key_ed25519_pub.pem",
            {"signature_type": SignatureType.ED25519, "pure": True, "sha512": True, "measured_boot": False},
        ),
        ("good_p384.bin", "key_p384_pub.pem", {"signature_type": SignatureType.EC_P384}),
        ("good_rsa2048.bin", "key_rsa2048_pub.pem", {"signature_type": SignatureType.RSA_2048}),
    ],
)
def test_other_signature_types(name: str, key: str, options: Recorded, make_ports: MakePorts) -> None:
    encoding = public_key_encoding(load_public_key(DATA / key))
    config = Bl2Config(key_mode=KeyMode.KEYHASH, keys=(encoding,), image_number=1, **options)
    ports = make_ports({(0, PRIMARY): _file(name)})
    assert _boot(ports, config)["result"] == "OK"
    tampered = bytearray(_file(name))
    tampered[0x100] ^= 1
    assert _boot(make_ports({(0, PRIMARY): bytes(tampered)}), config)["result"] == "FAIL"


@pytest.mark.parametrize("recording, fwu", [("encoded_only", False), ("encoded_plus_fwu", True)])
def test_tfm_pair_shared_data(recording: str, fwu: bool, make_ports: MakePorts) -> None:
    rotpks = {0: rotpk_hash(DATA / "key_rsa3072_s_pub.pem"), 1: rotpk_hash(DATA / "key_rsa3072_ns_pub.pem")}
    ports = make_ports(
        {(0, PRIMARY): _file("good_tfm_s_rsa3072.bin"), (1, PRIMARY): _file("good_tfm_ns_rsa3072.bin")},
        images=2,
        counter=0,
        rotpks=rotpks,
    )
    config = Bl2Config(signature_type=SignatureType.RSA_3072, key_mode=KeyMode.HW_KEY, fwu_boot_data=fwu)
    Bl2(ports, config, Trace()).run()
    expected = bytes.fromhex(EXPECTED["_tfm_pair_expected_shared_data"][recording])
    base, size = ports.shared_data
    assert ports.memory.read(base, size) == expected.ljust(size, b"\0")
