"""Protected storage on whole devices: all levels, a state directory, cuts, a flash that was put back."""

from pathlib import Path

import pytest
from support.storage_boards import WITHOUT_STORAGE

import tfm_sim
from tfm_sim import Build, CryptoConfig, PsaError, SpmConfig
from tfm_sim.firmware_build import ps_config_for
from tfm_sim.interface.psa.crypto_values import PSA_ALG_CCM
from tfm_sim.partitions.crypto.wants import DEFAULT
from tfm_sim.partitions.protected_storage.config import PsConfig
from tfm_sim.platform.board import load_board, packaged_boards
from tfm_sim.platform.power import CutMode, PowerCut
from tfm_sim.spm.config import Backend
from tfm_sim.spm.load import LoadError
from tfm_sim.spm.panic import DevicePanic


def build(level: int = 1, ps: PsConfig | None = None) -> Build:
    return Build(spm=SpmConfig(isolation_level=level), ps=ps or PsConfig())


@pytest.mark.parametrize("level", [1, 2, 3])
def test_objects_outlive_a_reset_at_every_level(level: int) -> None:
    """At level 2 the partition has a process beside the SPM, at level 3 one for itself alone."""
    with tfm_sim.boot(build=build(level)) as device:
        ps = device.psa.protected_storage
        ps.set(1, b"kept")
        ps.create(2, 20)
        ps.set_extended(2, 0, b"growing")
        device.reset()
        ps = device.psa.protected_storage
        ps.set_extended(2, 7, b" on")
        assert (ps.get(1), ps.get(2), ps.get_info(2).capacity) == (b"kept", b"growing on", 20)


def test_objects_on_the_sfn_backend() -> None:
    with tfm_sim.boot(build=Build(spm=SpmConfig(backend=Backend.SFN))) as device:
        device.psa.protected_storage.set(1, b"kept")
        device.reset()
        assert device.psa.protected_storage.get(1) == b"kept"


@pytest.mark.parametrize(
    ("crypto", "ps", "lacking"),
    [
        (CryptoConfig(wants=DEFAULT - {"PSA_WANT_ALG_GCM"}), PsConfig(), "PSA_WANT_ALG_GCM"),
        (
            CryptoConfig(wants=DEFAULT - {"PSA_WANT_ALG_CCM", "PSA_WANT_KEY_TYPE_AES"}),
            PsConfig(aead_alg=PSA_ALG_CCM),
            "PSA_WANT_ALG_CCM, PSA_WANT_KEY_TYPE_AES",
        ),
        (CryptoConfig(wants=DEFAULT - {"PSA_WANT_ALG_HKDF"}), PsConfig(), "PSA_WANT_ALG_HKDF"),
        (CryptoConfig(key_derivation_module=False), PsConfig(), "key_derivation_module"),
    ],
)
def test_without_its_crypto_there_is_no_build(crypto: CryptoConfig, ps: PsConfig, lacking: str) -> None:
    with pytest.raises(
        LoadError, match=f"protected storage encrypts .* CryptoConfig lacks {lacking}; legal: "
    ):
        tfm_sim.Device(build=Build(crypto=crypto, ps=ps))
    plain = PsConfig(encryption=False, rollback_protection=False)
    for without in (Build(crypto=crypto, ps=None), Build(crypto=crypto, ps=plain)):
        with tfm_sim.boot(build=without) as device:
            device.psa.internal_trusted_storage.set(1, b"asset")


def test_two_cores() -> None:
    with tfm_sim.boot("an521_dual_core") as device:
        device.psa.protected_storage.set(1, b"over the mailbox")
        assert device.psa.protected_storage.get(1) == b"over the mailbox"


def test_objects_lie_in_the_area_of_protected_storage() -> None:
    with tfm_sim.boot() as device:
        (area,) = (each for each in device.hardware.areas.values() if each.name == "ps")
        its = device.hardware.areas["its"]
        before, its_before = area.read(0, area.size), its.read(0, its.size)
        device.psa.protected_storage.set(1, b"x")
        assert area.read(0, area.size) != before
        assert its.read(0, its.size) == its_before


@pytest.mark.parametrize("number", range(1, 75, 4))
def test_power_goes_away_in_a_set(number: int) -> None:
    mode = list(CutMode)[number // 4 % 3]
    with tfm_sim.boot() as device:
        device.psa.protected_storage.set(1, b"old")
        device.cut_power(f"{device.hardware.power.operations + number}:{mode.value}")
        try:
            device.psa.protected_storage.set(1, b"the new one")
        except PowerCut:
            device.power_on()
            assert device.psa.protected_storage.get(1) in (b"old", b"the new one")
        else:
            assert number > 40
            device.cut_power(10_000)


def test_a_flash_of_yesterday_is_not_taken(tmp_path: Path) -> None:
    """The images of a state directory are put back, flash and all but the chip's own memory."""

    def run(value: bytes, *, create: bool = True) -> None:
        made = build(ps=PsConfig(create_flash_layout=create))
        with tfm_sim.boot(build=made, state=tmp_path) as device:
            device.psa.protected_storage.set(1, value)

    run(b"yesterday")
    yesterday = (tmp_path / "flash0.bin").read_bytes()
    run(b"today")
    (tmp_path / "flash0.bin").write_bytes(yesterday)
    with pytest.raises(DevicePanic, match="TFM_SP_PS broke a rule: entry_init: success"):
        run(b"tomorrow", create=False)
    with (
        tfm_sim.boot(build=build(), state=tmp_path) as device,
        pytest.raises(PsaError, match="DOES_NOT_EXIST"),
    ):
        device.psa.protected_storage.get(1)


@pytest.mark.parametrize("name", packaged_boards())
def test_every_packaged_board_with_tfm_has_it(name: str) -> None:
    without = (*WITHOUT_STORAGE, "esp32c6_tee")
    assert ps_config_for(load_board(name)) == (None if name in without else PsConfig())


def test_a_build_without_storage_has_no_such_service() -> None:
    for made in (Build(ps=None), Build(its=None)):
        with tfm_sim.boot(build=made) as device, pytest.raises(PsaError):
            device.psa.protected_storage.set(1, b"x")
    with pytest.raises(LoadError, match="TFM_SP_PS depends on TFM_PLATFORM_SERVICE"):
        tfm_sim.boot(build=Build(platform=None))
    with tfm_sim.boot(build=Build(platform=None, ps=None)) as device:
        assert len(device.psa.crypto.generate_random(4)) == 4
