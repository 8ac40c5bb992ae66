"""Delegated attestation on whole devices: levels and backends, reboots, an RSE's seed from BL1 on."""

import hashlib
from dataclasses import replace
from typing import Any

import cbor2
import pytest
from support.delegated_attestation import (
    R1,
    boot_state,
    public_hash,
    scalar_of,
    seed_of_huk,
    seed_of_rse,
    slots_of,
)

import tfm_sim
from tfm_sim import (
    AttestationConfig,
    Backend,
    Bl1Config,
    Build,
    CryptoConfig,
    DelegatedAttestationConfig,
    Device,
    MeasuredBootConfig,
    PsaError,
    SpmConfig,
    TokenVariant,
    bl1_config_for,
    bl2_config_for,
    load_board,
    psa,
    with_delegated_attestation,
)
from tfm_sim.bootloader.bl1_events import RseKeyDerived
from tfm_sim.bootloader.rse_keys import RseState, TpMode
from tfm_sim.interface.trace import Event
from tfm_sim.partitions.crypto.wants import DEFAULT
from tfm_sim.platform.board import Board
from tfm_sim.platform.lifecycle import OtpLcs
from tfm_sim.platform.provisioning import DUMMY, DUMMY_ROTPKS, Provisioning
from tfm_sim.spm.load import LoadError
from tfm_sim.tools.demo_firmware import SECURE_IMAGE, flash_demo_firmware

AN521, RSE = load_board("an521"), load_board("an521_bl1")
SHA256 = psa.PSA_ALG_SHA_256
EC_DUMMY = replace(DUMMY, rotpks=DUMMY_ROTPKS["EC-P256"])
BITS = pytest.mark.parametrize("bits", [256, 384, 521])
LEVELS = pytest.mark.parametrize(
    ("level", "backend"), [(1, Backend.IPC), (1, Backend.SFN), (2, Backend.IPC), (3, Backend.IPC)]
)


def build_for(board: Board, rse: RseState | None = None, **options: Any) -> Build:
    bl1 = bl1_config_for(board)
    return replace(
        Build(
            bl2=replace(bl2_config_for(board), store_encoded_measurements=False),
            bl1=bl1 if rse is None else Bl1Config(rse=rse),
            attestation=AttestationConfig(max_token_size=0x800),
            measured_boot=MeasuredBootConfig(),
            delegated_attestation=DelegatedAttestationConfig(),
        ),
        **options,
    )


@pytest.mark.parametrize("rse", [None, RseState()])
def test_one_call_makes_the_whole_build(rse: RseState | None) -> None:
    board = AN521 if rse is None else RSE
    plain = Build(bl1=bl1_config_for(board))
    assert with_delegated_attestation(plain) == replace(
        build_for(board, rse), bl2=with_delegated_attestation().bl2
    )
    mine = DelegatedAttestationConfig(boot_records_max_size=0x500)
    kept = build_for(
        board,
        rse,
        attestation=AttestationConfig(TokenVariant.CCA_2023, max_token_size=0x900),
        delegated_attestation=mine,
    )
    assert with_delegated_attestation(kept) == kept


def test_a_variant_of_before_2_2_brings_its_hash() -> None:
    old = with_delegated_attestation(Build(attestation=AttestationConfig(TokenVariant.CCA_1_0_0)))
    assert old.delegated_attestation == DelegatedAttestationConfig(hash_of_point=True)


def test_the_default_build_gives_key_and_token() -> None:
    with tfm_sim.boot(build=with_delegated_attestation()) as device:
        service = device.tfm.delegated_attestation
        scalar = service.get_delegated_key(R1, 384, SHA256)
        assert service.get_token(public_hash(scalar))


def started(
    build: Build, board: Board = AN521, provisioning: Provisioning = EC_DUMMY, **options: Any
) -> Device:
    """Booted with the demo firmware."""
    device = Device(board, build=build, provisioning=provisioning, **options)
    flash_demo_firmware(device)
    return device.power_on()


def key_of(device: Device, bits: int = 384, hash_alg: int = SHA256) -> bytes:
    return device.tfm.delegated_attestation.get_delegated_key(R1, bits, hash_alg)


@LEVELS
def test_a_key_and_a_token_at_every_level(level: int, backend: Backend) -> None:
    build = build_for(AN521, spm=SpmConfig(isolation_level=level, backend=backend))
    with started(build) as device:
        calls = device.tfm.delegated_attestation
        with pytest.raises(PsaError, match="INVALID_ARGUMENT"):
            calls.get_token(bytes(32))
        scalar = key_of(device)
        assert scalar == scalar_of(seed_of_huk(DUMMY.huk), boot_state(slots_of(device.ns)), 384)
        token = calls.get_token(public_hash(scalar))
        claims = cbor2.loads(cbor2.loads(token).value[2])
        assert (claims[-75001], claims[-75008]) == (277, public_hash(scalar))
        service = device.service("TFM_DELEGATED_ATTESTATION")
        assert (service.sid, service.handle, service.version) == (0xE0, 0x40000111, 1)
        assert device.kernel.partitions_by_id[277].name == "TFM_SP_DELEGATED_ATTESTATION"


def test_it_travels_through_crypto_measured_boot_and_attestation() -> None:
    """No partition reads another's objects: all that happens is calls."""
    told: list[Event] = []
    with started(build_for(AN521), listeners=[told.append]) as device:
        scalar = key_of(device)
        del told[:]
        assert key_of(device) == scalar
        device.tfm.delegated_attestation.get_token(public_hash(scalar))
    asked = {(e.client, e.service) for e in told if type(e).__name__ == "MessageDelivered"}  # type: ignore[attr-defined]
    mine = "TFM_SP_DELEGATED_ATTESTATION"
    needs = {"TFM_CRYPTO", "TFM_MEASURED_BOOT", "TFM_ATTESTATION_SERVICE"}
    assert {service for client, service in asked if client == mine} == needs


@BITS
def test_the_same_firmware_gives_the_same_key(bits: int) -> None:
    """Over resets, and on a second device of the same seed, whatever its random source says."""
    with started(build_for(AN521)) as device, started(build_for(AN521), seed=7) as second:
        scalar = key_of(device, bits)
        assert key_of(device.reset(), bits) == scalar == key_of(second, bits)


def test_the_state_is_of_one_boot() -> None:
    with started(build_for(AN521)) as device:
        right = public_hash(key_of(device))
        assert device.tfm.delegated_attestation.get_token(right)
        device.reset()
        with pytest.raises(PsaError, match="INVALID_ARGUMENT"):
            device.tfm.delegated_attestation.get_token(right)
        key_of(device)
        assert device.tfm.delegated_attestation.get_token(right)


def test_another_image_gives_another_key() -> None:
    with started(build_for(AN521)) as device:
        scalar = key_of(device)
        device.flash_image(0, SECURE_IMAGE.with_name("secure_1.1.0.bin").read_bytes())
        assert key_of(device.reset()) != scalar


# ---- RSE: the seed from BL1


STATE = RseState(TpMode.PCI, reprovisioning_bits=5)
CODE_SIZE = RSE.otp.layout.bl1_2_code_size
BL1_2_HASH = hashlib.sha256(DUMMY.bl1_2_image.ljust(CODE_SIZE, b"\0")).digest()


def rse_key(
    state: RseState = STATE, provisioning: Provisioning = EC_DUMMY, bits: int = 384, level: int = 1
) -> tuple[bytes, bytes]:
    """(scalar, boot state) of a device whose BL1 is an RSE's."""
    build = build_for(RSE, state, spm=SpmConfig(isolation_level=level))
    with started(build, RSE, provisioning) as device:
        return key_of(device, bits), boot_state(slots_of(device.ns))


@BITS
@pytest.mark.parametrize("dcu", [None, b"\xdc" * 16])
def test_the_seed_is_bl1s(bits: int, dcu: bytes | None) -> None:
    scalar, measured = rse_key(replace(STATE, dcu_state=dcu), bits=bits)
    seed = seed_of_rse(
        DUMMY.guk, OtpLcs.SECURED, BL1_2_HASH, tp_mode=0x2222AA55, reprovisioning=5, dcu=dcu or b""
    )
    assert scalar == scalar_of(seed, measured, bits)


@pytest.mark.parametrize("level", [2, 3])
def test_the_seed_reaches_the_crypto_partition_in_a_process_of_its_own(level: int) -> None:
    assert rse_key(level=level) == rse_key()


def test_the_slots_of_bl1_are_measured_too() -> None:
    with started(build_for(RSE, STATE), RSE) as device:
        assert [slot.sw_type for slot in slots_of(device.ns)] == [b"BL1_2", b"BL2", b"RT_0", b"RT_1"]


@pytest.mark.parametrize(
    ("state", "provisioning"),
    [
        (STATE, replace(EC_DUMMY, lifecycle=OtpLcs.DECOMMISSIONED)),
        (replace(STATE, tp_mode=TpMode.TCI), EC_DUMMY),
        (replace(STATE, reprovisioning_bits=6), EC_DUMMY),
        (replace(STATE, dcu_state=bytes(16)), EC_DUMMY),
        (replace(STATE, dcu_state=b"\1" + bytes(15)), EC_DUMMY),
        (STATE, replace(EC_DUMMY, guk=DUMMY.guk[::-1])),
    ],
    ids=["lifecycle", "test mode", "reprovisioning", "secure debug", "debug opened", "another device"],
)
def test_a_changed_boot_state_gives_another_key(state: RseState, provisioning: Provisioning) -> None:
    """The measurements are the same, so it is the seed that differs."""
    changed, plain = rse_key(state, provisioning), rse_key()
    assert changed[1] == plain[1]
    assert changed[0] != plain[0]


def test_another_bl1_2_gives_another_seed_and_another_measurement() -> None:
    code = DUMMY.bl1_2_image + b"!"
    scalar, measured = rse_key(provisioning=replace(EC_DUMMY, bl1_2_image=code))
    digest = hashlib.sha256(code.ljust(CODE_SIZE, b"\0")).digest()
    seed = seed_of_rse(DUMMY.guk, OtpLcs.SECURED, digest, tp_mode=0x2222AA55, reprovisioning=5)
    assert scalar == scalar_of(seed, measured, 384)
    assert measured != rse_key()[1]


def test_the_huk_does_not_matter_there_and_the_lifecycle_not_elsewhere() -> None:
    """Without an RSE's BL1 the seed is the HUK's, to which nothing of the boot is bound."""
    assert rse_key(provisioning=replace(EC_DUMMY, huk=DUMMY.huk[::-1])) == rse_key()
    keys = set()
    for lifecycle in (OtpLcs.SECURED, OtpLcs.DECOMMISSIONED):
        with started(build_for(AN521), provisioning=replace(EC_DUMMY, lifecycle=lifecycle)) as device:
            keys.add(key_of(device))
    assert len(keys) == 1


def test_bl1_derives_anew_at_every_reset_and_tells_no_key() -> None:
    told: list[Event] = []
    with started(build_for(RSE, STATE), RSE, listeners=[told.append]) as device:
        scalar = key_of(device)
        assert key_of(device.reset()) == scalar
    derived = [event for event in told if isinstance(event, RseKeyDerived) and event.key == "DAK_SEED"]
    assert [str(event.text) for event in derived] == [
        "RSE: DAK_SEED derived from GUK, label BL1_DAK_SEED_DERIVATION, in KMU slot 10"
    ] * 2
    seed = seed_of_rse(DUMMY.guk, OtpLcs.SECURED, BL1_2_HASH, tp_mode=0x2222AA55, reprovisioning=5)
    assert seed.hex() not in " ".join(str(event) for event in told)


def test_a_bl1_that_is_no_rses_leaves_no_seed() -> None:
    with started(build_for(RSE), RSE) as device:
        assert key_of(device) == scalar_of(seed_of_huk(DUMMY.huk), boot_state(slots_of(device.ns)), 384)


# ---- misfits


WITHOUT = replace(RSE, hal_grants={**RSE.hal_grants, "TFM_SP_CRYPTO": ("tfm_hal_random", "tfm_plat_get_huk")})


def wants(*missing: str) -> CryptoConfig:
    return CryptoConfig(wants=DEFAULT - set(missing))


@pytest.mark.parametrize(
    ("board", "build", "text"),
    [
        (AN521, build_for(AN521, measured_boot=None), "has no measured boot; legal: measured_boot="),
        (AN521, build_for(AN521, crypto=CryptoConfig(key_derivation_module=False), ps=None),
         "delegated attestation derives its keys by the crypto service, and CryptoConfig lacks "
         "key_derivation_module; legal: with them, or delegated_attestation=None"),
        (AN521, build_for(AN521, crypto=wants("PSA_WANT_ALG_HKDF"), ps=None), "lacks PSA_WANT_ALG_HKDF;"),
        (AN521, build_for(AN521, crypto=wants("PSA_WANT_KEY_TYPE_ECC_KEY_PAIR_DERIVE")),
         "lacks PSA_WANT_KEY_TYPE_ECC_KEY_PAIR_DERIVE;"),
        (AN521, build_for(AN521, crypto=wants("PSA_WANT_KEY_TYPE_ECC_KEY_PAIR_EXPORT")),
         "lacks PSA_WANT_KEY_TYPE_ECC_KEY_PAIR_EXPORT;"),
        (AN521, build_for(AN521, crypto=wants(*(f"PSA_WANT_ECC_SECP_R1_{n}" for n in (256, 384, 521)))),
         "lacks a curve of PSA_WANT_ECC_SECP_R1_"),
        (WITHOUT, build_for(RSE, STATE), "whose hal_grants keep the seed from TFM_SP_CRYPTO; legal: "
         "tfm_plat_get_dak_seed granted to it"),
    ],
)  # fmt: skip
def test_a_build_that_cannot_be(board: Board, build: Build, text: str) -> None:
    with pytest.raises(LoadError) as refused:
        Device(board, build=build)
    assert text in str(refused.value)


def test_another_build_has_no_such_service() -> None:
    build = build_for(AN521, delegated_attestation=None)
    with started(build) as device:
        with pytest.raises(LoadError, match="TFM_DELEGATED_ATTESTATION"):
            device.service("TFM_DELEGATED_ATTESTATION")
        with pytest.raises(PsaError, match="PROGRAMMER_ERROR"):
            key_of(device)
