"""What ESP-TEE's partitions have to know of boot loaders and board, and what they ask of them."""

from collections.abc import Mapping
from typing import Final

from .bootloader.bl1_config import Bl1Config
from .bootloader.config import Bl2Config
from .partitions.esp_tee_attestation.config import (
    BootLoaderPart,
    EspTeeAttestationConfig,
    EspTeeConfig,
)
from .platform.board import AreaRole, Board
from .platform.hal_esp32 import REE_IMAGE, TEE_IMAGE

ESP_TEE_NUM_ASSETS: Final = 24
"""ITS_NUM_ASSETS: the TEE's fifteen keys, their directory, the entropy seed, and some for others."""


def esp_tee_build(
    config: EspTeeConfig, bl1: Bl1Config, bl2: Bl2Config | None, board: Board
) -> EspTeeAttestationConfig:
    """The attestation partition's configuration on a board that suits it, with the places of all images."""
    area = board.area_with_role(AreaRole.BL2_PRIMARY)
    assert board.bl1 is not None and area is not None  # esp_tee_problem
    layout = bl1.image_layout(board.bl1.bl2_code_size)
    start = layout.protected_offset
    behind = layout.size - layout.code_size
    boot_loader = BootLoaderPart(area.offset, area.size, start, layout.size - start, behind)
    tee, app = (board.slot(image, "primary").size for image in (TEE_IMAGE, REE_IMAGE))
    secure_boot = bl2 is not None and not bl2.unsigned
    return EspTeeAttestationConfig(config, boot_loader, tee, app, secure_boot)


def esp_tee_problem(board: Board, needs: Mapping[str, bool]) -> str:
    """What is wrong with ESP-TEE on a board, or in a build without one of ``needs``; empty if nothing is."""
    if not board.otp.layout.esp_efuse or board.bl1 is None or board.image_count < 2:
        return (
            f"ESP-TEE on board {board.name}; legal: a board with bl1, two images and an otp with esp_efuse, "
            "such as esp32c6_tee, or esp_tee=None"
        )
    if lacking := [name for name, there in needs.items() if not there]:
        return f"ESP-TEE without {', '.join(lacking)}; legal: with_esp_tee(build), or esp_tee=None"
    return ""
