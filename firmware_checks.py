"""Whether a board can have a build: told when the device is made, not by a panic at its boot."""

from collections.abc import Mapping
from typing import Final

from .bootloader.bl1_config import Bl1ConfigError
from .bootloader.config import Bl2ConfigError
from .firmware_build import Build, area_info, has_rse_keys, its_build, storage_configs
from .firmware_esp_tee import esp_tee_problem
from .interface.psa.crypto_values import (
    PSA_ALG_GCM,
    PSA_ALG_HKDF,
    PSA_ALG_SHA_256,
    PSA_ECC_FAMILY_SECP_R1,
    PSA_KEY_TYPE_AES,
    PSA_KEY_TYPE_DERIVE,
    PSA_KEY_TYPE_ECC_KEY_PAIR,
)
from .partitions.crypto.kwe_build import has_engine
from .partitions.initial_attestation.config import TokenVariant
from .partitions.initial_attestation.wrapped_dua import wrapped_key_problem
from .partitions.internal_trusted_storage.layout import config_problem
from .platform.board import AreaRole, Board
from .spm.config import Backend
from .spm.load import LoadError

MAX_TOKEN_BUFFER: Final = 0xFFFF_FFFF
"""Bytes: a size_t of the device."""


def check_build(build: Build, board: Board) -> None:
    """Whether a board can have the build.

    Raises Bl2ConfigError for a boot loader of another number of images than the board has slots for,
    Bl1ConfigError for a BL1 that it has no place for, LoadError for what two cores cannot have, for
    internal trusted storage that its flash has no place for, for protected storage without its crypto, and
    for what attestation of 2019 did not know, for delegated attestation without measured boot, its
    crypto, or the board's grant of its seed, and for ESP-TEE without what it stands on.
    """
    _check_image_number(build, board)
    _check_dual_core(build, board)
    _check_bl1(build, board)
    _check_its(build, board)
    _check_ps_crypto(build)
    _check_measured_boot_crypto(build)
    _check_token_variant(build)
    _check_delegated_attestation(build, board)
    if build.cks is not None and build.its is None:
        raise LoadError("Customer Key Storage without ITS, where it keeps its keys; legal: its, or cks=None")
    _check_esp_tee(build, board)
    _check_wrapped_keys(build, board)


def _check_esp_tee(build: Build, board: Board) -> None:
    """The two partitions ask something of the rest of the build."""
    needs = {
        "bl1.image_encryption=False": build.bl1 is not None and not build.bl1.image_encryption,
        "bl2.store_encoded_measurements=False": build.bl2 is not None and build.bl2.measured_boot_api,
        "measured_boot": build.measured_boot is not None,
        "its": build.its is not None,
    }
    if build.esp_tee is not None and (problem := esp_tee_problem(board, needs)):
        raise LoadError(problem)


def _check_wrapped_keys(build: Build, board: Board) -> None:
    engine, has_ccb = has_engine(build.crypto), board.area_with_role(AreaRole.CHIP_SECRETS) is not None
    problem = wrapped_key_problem(build.attestation, engine=engine, its=build.its is not None)
    if problem is None and engine and not has_ccb:
        problem = f"wrapped keys on board {board.name}, which has no CCB; legal: one that has"
    if problem is not None:
        raise LoadError(problem)


def _check_token_variant(build: Build) -> None:
    """A variant that there is, with room for a token; what the service of 2019 did not know."""
    config = build.attestation
    if not isinstance(config.variant, TokenVariant):
        legal = ", ".join(f"TokenVariant.{variant.name}" for variant in TokenVariant)
        raise LoadError(f"AttestationConfig.variant: found {config.variant!r}; legal: {legal}")
    if not 0 < config.max_token_size <= MAX_TOKEN_BUFFER:
        raise LoadError(
            f"AttestationConfig.max_token_size: found {config.max_token_size}; legal: 1 to {MAX_TOKEN_BUFFER}"
        )
    if build.attestation.variant is not TokenVariant.TFM_2019:
        return
    if build.attestation.symmetric:
        raise LoadError("a symmetric attestation key in 2019; legal: symmetric=False, or another variant")
    if build.measured_boot is not None:
        raise LoadError("the measured boot partition in 2019; legal: measured_boot=None, or another variant")


def _check_ps_crypto(build: Build) -> None:
    """Protected storage that cannot encrypt makes the device panic at boot; better to hear of it before."""
    ps, crypto = build.ps, build.crypto
    if build.its is None or ps is None or not ps.encryption:
        return
    offer = crypto.offer()
    needs = {
        f"PSA_WANT_ALG_{'GCM' if ps.aead_alg == PSA_ALG_GCM else 'CCM'}": offer.alg(ps.aead_alg),
        "PSA_WANT_ALG_HKDF": offer.alg(PSA_ALG_HKDF(PSA_ALG_SHA_256)),
        "PSA_WANT_ALG_SHA_256": offer.alg(PSA_ALG_SHA_256),
        "PSA_WANT_KEY_TYPE_AES": offer.key_type(PSA_KEY_TYPE_AES),
        "key_module": crypto.key_module,
        "aead_module": crypto.aead_module,
        "key_derivation_module": crypto.key_derivation_module,
    }
    legal = "legal: with them, another PsConfig.aead_alg, or ps=None"
    _demand_of_crypto("protected storage encrypts", needs, legal)


def _check_measured_boot_crypto(build: Build) -> None:
    """The same for measured boot, which extends its slots with hashes of one call."""
    if build.measured_boot is None:
        return
    hash_alg, crypto = build.measured_boot.hash.algorithm, build.crypto
    needs = {
        f"the hash {build.measured_boot.hash.name}": crypto.offer().alg(hash_alg),
        "hash_module": crypto.hash_module,
        "single_part_functions": crypto.single_part_functions,
    }
    _demand_of_crypto("measured boot hashes", needs, "legal: with them, or measured_boot=None")


def _check_delegated_attestation(build: Build, board: Board) -> None:
    """TF-M's build stops where the services that this partition depends on are not there."""
    if build.delegated_attestation is None:
        return
    legal = "legal: with them, or delegated_attestation=None"
    if build.measured_boot is None:
        raise LoadError(
            "delegated attestation derives its keys from measurements, and the build has no measured boot; "
            "legal: measured_boot=MeasuredBootConfig(), or delegated_attestation=None"
        )
    offer, crypto, pair = (
        build.crypto.offer(),
        build.crypto,
        PSA_KEY_TYPE_ECC_KEY_PAIR(PSA_ECC_FAMILY_SECP_R1),
    )
    needs = {
        "PSA_WANT_ALG_HKDF": offer.alg(PSA_ALG_HKDF(PSA_ALG_SHA_256)),
        "PSA_WANT_ALG_SHA_256": offer.alg(PSA_ALG_SHA_256),
        "PSA_WANT_KEY_TYPE_DERIVE": offer.key_type(PSA_KEY_TYPE_DERIVE),
        "PSA_WANT_KEY_TYPE_ECC_KEY_PAIR_DERIVE": offer.key_pair(pair, "DERIVE"),
        "PSA_WANT_KEY_TYPE_ECC_KEY_PAIR_EXPORT": offer.key_pair(pair, "EXPORT"),
        "a curve of PSA_WANT_ECC_SECP_R1_*": any(
            offer.curve(PSA_ECC_FAMILY_SECP_R1, bits) for bits in (256, 384, 521)
        ),
        "key_module": crypto.key_module,
        "hash_module": crypto.hash_module,
        "single_part_functions": crypto.single_part_functions,
        "key_derivation_module": crypto.key_derivation_module,
    }
    _demand_of_crypto("delegated attestation derives its keys", needs, legal)
    if has_rse_keys(build) and "tfm_plat_get_dak_seed" not in board.hal_grants.get("TFM_SP_CRYPTO", ()):
        raise LoadError(
            f"delegated attestation with the keys of an RSE on board {board.name}, whose hal_grants keep the "
            "seed from TFM_SP_CRYPTO; legal: tfm_plat_get_dak_seed granted to it, or Bl1Config(rse=None)"
        )


def _demand_of_crypto(what: str, needs: Mapping[str, bool], legal: str) -> None:
    if lacking := [name for name, there in needs.items() if not there]:
        raise LoadError(f"{what} by the crypto service, and CryptoConfig lacks {', '.join(lacking)}; {legal}")


def _check_image_number(build: Build, board: Board) -> None:
    if build.bl2 is not None and build.bl2.image_number != board.image_count:
        raise Bl2ConfigError(
            f"BL2: image_number {build.bl2.image_number} on board {board.name}, whose flash has slots for "
            f"{board.image_count}; legal: {board.image_count}, as bl2_config_for(board) has it"
        )


def _check_bl1(build: Build, board: Board) -> None:
    if build.bl1 is None:
        return
    if board.bl1 is None:
        raise Bl1ConfigError(
            f"BL1 on board {board.name}, which has no OTP, slots and memory for it; legal: bl1=None, or a "
            "board with bl1"
        )
    if len(build.bl1.signers) > board.otp.layout.bl1_signers:
        raise Bl1ConfigError(
            f"BL1: {len(build.bl1.signers)} signers of BL2 on board {board.name}; legal: "
            f"{board.otp.layout.bl1_signers}, as its OTP has ROTPKs"
        )
    build.bl1.image_layout(board.bl1.bl2_code_size)


def _check_dual_core(build: Build, board: Board) -> None:
    if board.dual_core is None:
        return
    where = f"board {board.name}, whose non-secure side has a core of its own"
    # TF-M: the mailbox agent waits for signals, so it takes the IPC backend.
    if build.spm.backend is not Backend.IPC:
        raise LoadError(f"the {build.spm.backend.value} backend on {where}; legal: Backend.IPC")
    # TF-M: the ids of mailbox clients come with their requests, not from the NSCE calls of TrustZone.
    if build.spm.ns_manage_nsid:
        raise LoadError(f"ns_manage_nsid on {where}; legal: False")


def _check_its(build: Build, board: Board) -> None:
    made = its_build(build)
    if made is None:
        return
    if area_info(board, AreaRole.ITS) is None:
        raise LoadError(
            f"internal trusted storage on board {board.name}, which has no flash area with role its; "
            "legal: its=None, or a board with one"
        )
    for role, config in storage_configs(build, board).items():
        if problem := config_problem(config):
            raise LoadError(f"storage in the flash area with role {role} of board {board.name}: {problem}")
