"""The reader of recordings: builds by their words; what it does not know is a skip that names it."""

from pathlib import Path
from typing import Any

import pytest
from support.recordings.mcuboot_bench import agrees
from support.recordings.mcuboot_oracle import oracle_cases
from support.recordings.mcuboot_words import OWN_IMAGES, recorded_build

from tfm_sim.bootloader.config import SignatureType, UpgradeStrategy
from tfm_sim.bootloader.encryption_key import EncryptionType

NOWHERE = Path("/nonexistent")
U = UpgradeStrategy


@pytest.mark.parametrize("strategy", U, ids=lambda strategy: strategy.value)
def test_every_strategy_is_known(strategy: UpgradeStrategy) -> None:
    for text in (strategy.value, f"MCUBOOT_{strategy.value}", strategy.value.lower().replace("+", "_")):
        assert recorded_build(NOWHERE, text).config.strategy is strategy


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("OVERWRITE_ONLY+DOWNGRADE_PREVENTION", {"downgrade_prevention": True}),
        ("OVERWRITE_ONLY_FAST", {"strategy": U.OVERWRITE_ONLY, "overwrite_fast": True}),
        ("SWAP_USING_MOVE+BOOTSTRAP+MCUBOOT_VALIDATE_PRIMARY_SLOT", {"bootstrap": True}),
        ("DIRECT_XIP+REVERT", {"strategy": U.DIRECT_XIP_REVERT}),
        ("RAM_LOAD+REVERT+ENC_EC256", {"strategy": U.RAM_LOAD_REVERT, "encryption": EncryptionType.EC256}),
        ("SWAP_SCRATCH+ENC+SAVE_ENCTLV", {"strategy": U.SWAP_USING_SCRATCH, "save_enctlv": True}),
        ("OVERWRITE_ONLY, HW rollback off, measured boot off", {"rollback": False, "measured_boot": False}),
        ("OVERWRITE_ONLY, RSA3072 keyhash key_rsa3072_s for both, 2 images", {"image_number": 2}),
        ("SWAP_USING_MOVE, ED25519 keyhash, key_ed25519 trusted", {"signature_type": SignatureType.ED25519}),
    ],
)
def test_words_of_a_build(text: str, options: dict[str, Any]) -> None:
    config = recorded_build(NOWHERE, text).config
    assert {name: getattr(config, name) for name in options} == options


def test_the_counter_of_a_build() -> None:
    assert recorded_build(NOWHERE, "OVERWRITE_ONLY, NV counters 7 (max 512)").counter == 7


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("FIRMWARE_LOADER", "FIRMWARE_LOADER"),
        ("OVERWRITE_ONLY+SOMETHING", "SOMETHING"),
        ("OVERWRITE_ONLY, 16 KiB slot", "16 KiB slot"),
        ("OVERWRITE_ONLY, NV counter 4 (max 9)", "up to 9"),
        ("OVERWRITE_ONLY, key_nobody trusted", "key_nobody"),
        ("DIRECT_XIP+ENC_EC256", "encryption with DIRECT_XIP"),
    ],
)
def test_an_unknown_word_skips_by_name(text: str, named: str) -> None:
    with pytest.raises(pytest.skip.Exception, match=named):
        recorded_build(NOWHERE, text)


ONE: dict[str, Any] = {
    "name": "one",
    "strategy": "OVERWRITE_ONLY",
    "primary": "good_p256.bin",
    "secondary": "-",
    "nv_counter_before": 4,
    "action_after_boot0": None,
    "boots": [{"boot": 0, "result": "OK", "nv_counter_after": 5}],
}
PAIR: dict[str, Any] = {
    "name": "two",
    "slots": {"S primary": "s100", "NS primary": "ns100"},
    "flow": "single boot_go over all images",
    "result": "OK",
    "after": {"S": {"primary": "1.0.0", "secondary": "blank"}},
}


def check(scenario: dict[str, Any]) -> None:
    for case in oracle_cases([scenario], OWN_IMAGES):
        case.check()


@pytest.mark.parametrize(
    ("scenario", "other"),
    [(ONE, {"boots": [{"boot": 0, "result": "FAIL"}]}), (PAIR, {"result": "FAIL"})],
    ids=["one", "two"],
)
def test_a_scenario(scenario: dict[str, Any], other: dict[str, Any]) -> None:
    check(scenario)
    with pytest.raises(AssertionError):
        check(scenario | other)


@pytest.mark.parametrize(
    ("scenario", "named"),
    [
        (ONE | {"action_after_boot0": "dance"}, "dance"),
        (ONE | {"phase": "moon"}, "phase"),
        (ONE | {"primary": "unheard_of.bin"}, "unheard_of.bin"),
        (ONE | {"boots": [{"result": "OK", "moon": 1}]}, "moon"),
        (ONE | {"boots": [{"result": "OK", "primary": {"moon": 1}}]}, "primary moon"),
        (ONE | {"boots": [{"result": "HANG"}]}, "HANG"),
        (PAIR | {"flow": "per-image, 0 then 1"}, "0 then 1"),
        (PAIR | {"slots": {"AP primary": "s100"}}, "AP primary"),
        (PAIR | {"after": {"AP": {"primary": "blank"}}}, "AP"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_unknown_part_skips_by_name(scenario: dict[str, Any], named: str) -> None:
    with pytest.raises(pytest.skip.Exception, match=named):
        check(scenario)


@pytest.mark.parametrize("action", ["pending", "boot_set_pending(1)", "erase primary", "reset", "confirm"])
def test_actions_between_boots(action: str) -> None:
    boots = [{"result": "OK"}, {"result": "FAIL" if action == "erase primary" else "OK"}]
    check(ONE | {"action_after_boot0": action, "boots": boots})


def test_a_known_fact_that_differs_fails_whatever_else_is_unknown() -> None:
    with pytest.raises(AssertionError):
        agrees({"result": "OK", "slot": "primary"}, {"result": "OK", "slot": "secondary", "moon": 1})
