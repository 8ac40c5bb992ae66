"""The firmware update partition over real slots: what it writes, what it refuses, and where TF-M differs."""

# ruff: noqa: E501 - tables of one line a case

import hashlib
from dataclasses import fields, replace
from typing import cast

import pytest
from support.firmware_update import ERASE_BLOCK, RUNNING, SLOT_SIZE, FwuBench
from support.image_builder import ImageParts, area, dependency, sec_cnt

from tfm_sim.interface.mcuboot.image import ImageVersion
from tfm_sim.interface.mcuboot.trailer import (
    Flag,
    Magic,
    SwapType,
    mark_pending,
    read_swap_state,
    write_copy_done,
    write_image_ok,
    write_magic,
)
from tfm_sim.interface.psa import firmware_update as fwu
from tfm_sim.interface.psa.crypto_api import CryptoApi
from tfm_sim.interface.psa.crypto_values import PSA_ALG_SHA_256
from tfm_sim.interface.psa.firmware_update import PsaFwuFlag, PsaFwuState, psa_fwu_image_version_t
from tfm_sim.interface.psa.status import (
    PSA_ERROR_BAD_STATE,
    PSA_ERROR_DATA_CORRUPT,
    PSA_ERROR_DEPENDENCY_NEEDED,
    PSA_ERROR_DOES_NOT_EXIST,
    PSA_ERROR_GENERIC_ERROR,
    PSA_ERROR_INVALID_ARGUMENT,
    PSA_ERROR_NOT_SUPPORTED,
    PSA_ERROR_STORAGE_FAILURE,
    PSA_SUCCESS,
    PsaError,
)
from tfm_sim.interface.tfm.boot_status import BootStatusEntry, Claim, TlvMajor, tlv_type
from tfm_sim.partitions.firmware_update.boot_data import fetch_boot_data
from tfm_sim.partitions.firmware_update.config import TFM_FWU_TODAY, FwuBuild, FwuConfig, FwuQuirks
from tfm_sim.spm.panic import DevicePanic
from tfm_sim.spm.partition_api import PartitionApi

READY, WRITING, CANDIDATE, STAGED, FAILED, TRIAL, REJECTED, UPDATED = PsaFwuState
MARKS = SLOT_SIZE - 40
"""Where the flags of a trailer begin."""


def bench(components: int = 2, *, trial: bool = False, **quirks: bool) -> FwuBench:
    return FwuBench(FwuBuild(FwuConfig(quirks=FwuQuirks(**quirks)), components, trial))


def image(*dependencies: tuple[int, bytes], version: tuple[int, int, int, int] = (1, 3, 0, 0)) -> bytes:
    return ImageParts(version=version, protected=(sec_cnt(1), *dependencies)).with_tlvs(())


IMAGE = image()


def test_every_quirk_is_of_tf_m_today() -> None:
    assert all(getattr(TFM_FWU_TODAY, quirk.name) for quirk in fields(FwuQuirks))
    assert not any(getattr(FwuQuirks(), quirk.name) for quirk in fields(FwuQuirks))


def test_what_query_tells_of_a_new_device() -> None:
    device = bench()
    device.versions = [RUNNING, ImageVersion(9, 8, 7, 6)]
    device.reset()
    info = device.info(1)
    assert (info.state, info.error, info.version) == (READY, 0, psa_fwu_image_version_t(9, 8, 7, 6))
    assert (info.max_size, info.flags) == (SLOT_SIZE, PsaFwuFlag.VOLATILE_STAGING)
    assert info.location == device.primary(1).id
    assert info.impl.candidate_digest == bytes(32)
    assert device.info(0).version == psa_fwu_image_version_t(1, 2, 3, 4)


def test_without_a_version_from_the_boot_loader_nothing_can_be_asked() -> None:
    device = FwuBench(FwuBuild(), versions=[RUNNING])
    assert device.info(0).state is READY
    assert fwu.psa_fwu_query(device.ns, 1) == (PSA_ERROR_STORAGE_FAILURE, None)
    assert fwu.psa_fwu_start(device.ns, 1) == PSA_ERROR_STORAGE_FAILURE


def fwu_entry(image: int, claim: int, data: bytes) -> BootStatusEntry:
    return BootStatusEntry(tlv_type(TlvMajor.FWU, image, claim), data)


@pytest.mark.parametrize(
    ("further", "status"),
    [
        (fwu_entry(0, Claim.SW_TYPE, bytes(8)), PSA_SUCCESS),
        (fwu_entry(1, Claim.SW_VERSION, bytes(8)), PSA_SUCCESS),
        (fwu_entry(0, Claim.SW_VERSION, bytes(7)), PSA_ERROR_STORAGE_FAILURE),
        (BootStatusEntry(tlv_type(TlvMajor.IAS, 0, Claim.SW_VERSION), bytes(100)), PSA_SUCCESS),
    ],
)
def test_the_version_is_the_first_entry_of_that_image(further: BootStatusEntry, status: int) -> None:
    device = FwuBench(FwuBuild(), versions=[RUNNING], further=[further])
    found, info = fwu.psa_fwu_query(device.ns, 0)
    assert found == status
    if info is not None:
        assert info.version == psa_fwu_image_version_t(1, 2, 3, 4)


def test_more_boot_status_than_there_is_room_for_stops_the_device_at_its_start() -> None:
    with pytest.raises(DevicePanic, match="TFM_SP_FWU"):
        FwuBench(FwuBuild(), further=[fwu_entry(0, Claim.SW_TYPE, b"")])


def test_what_is_no_boot_status_counts_as_none() -> None:
    class Junk:
        def tfm_core_get_boot_data(self, major: int, size: int) -> tuple[int, bytes]:
            return PSA_SUCCESS, b"junk"[:size]

    assert fetch_boot_data(cast(PartitionApi, Junk()), 2) is None


def test_start_erases_the_whole_secondary_slot_block_by_block() -> None:
    device = bench()
    for slot in ((0, 0), (0, 1), (1, 1)):
        device.areas[slot].write(0, bytes(SLOT_SIZE))
    before = device.flash[0, 1].power.operations
    assert fwu.psa_fwu_start(device.ns, 0) == PSA_SUCCESS
    assert device.cells()[0, 1] == b"\xff" * SLOT_SIZE
    assert device.cells()[0, 0] == device.cells()[1, 1] == bytes(SLOT_SIZE)
    assert device.flash[0, 1].power.operations - before == SLOT_SIZE // ERASE_BLOCK


@pytest.mark.parametrize(
    ("generic", "status"), [(False, PSA_ERROR_STORAGE_FAILURE), (True, PSA_ERROR_GENERIC_ERROR)]
)
def test_a_slot_that_does_not_erase(generic: bool, status: int) -> None:
    device = bench(start_erase_failure_is_generic=generic)
    device.flash[0, 1].refuse_erase = True
    assert fwu.psa_fwu_start(device.ns, 0) == status
    assert device.info().state is READY
    device.flash[0, 1].refuse_erase = False
    assert fwu.psa_fwu_start(device.ns, 0) == PSA_SUCCESS
    fwu.psa_fwu_cancel(device.ns, 0)
    device.flash[0, 1].refuse_erase = True
    assert fwu.psa_fwu_clean(device.ns, 0) == PSA_ERROR_STORAGE_FAILURE
    assert device.info().state is FAILED


ARGUMENT, STORAGE = PSA_ERROR_INVALID_ARGUMENT, PSA_ERROR_STORAGE_FAILURE
# offset, bytes, the specification's answer, TF-M's
WRITES = [
    (0, b"x", PSA_SUCCESS, PSA_SUCCESS),
    (0, b"four", PSA_SUCCESS, PSA_SUCCESS),
    (0, bytes(1024), PSA_SUCCESS, PSA_SUCCESS),
    (0, bytes(1025), ARGUMENT, ARGUMENT),
    (0, b"", ARGUMENT, PSA_SUCCESS),
    (SLOT_SIZE, b"", ARGUMENT, PSA_SUCCESS),
    (1, b"abc", ARGUMENT, PSA_SUCCESS),
    (2, b"across two units", ARGUMENT, PSA_SUCCESS),
    (MARKS - 4, b"last", PSA_SUCCESS, PSA_SUCCESS),
    (MARKS - 4, b"last!", ARGUMENT, PSA_SUCCESS),
    (MARKS - 4, b"last" + b"\xff" * 40, PSA_SUCCESS, PSA_SUCCESS),
    (SLOT_SIZE - 4, b"over", ARGUMENT, PSA_SUCCESS),
    (SLOT_SIZE - 4, b"\xff" * 5, ARGUMENT, STORAGE),
    (SLOT_SIZE, b"x", ARGUMENT, STORAGE),
    (0xFFFFFFFC, b"four", ARGUMENT, STORAGE),
    (0x100000000, b"four", ARGUMENT, ARGUMENT),
    (-4, b"four", ARGUMENT, ARGUMENT),
]  # fmt: skip


@pytest.mark.parametrize("tfm", [False, True])
@pytest.mark.parametrize(("offset", "block", "ours", "theirs"), WRITES)
def test_write(tfm: bool, offset: int, block: bytes, ours: int, theirs: int) -> None:
    """What is refused changes no cell; what is written is there, and its neighbours are as before."""
    device = FwuBench(FwuBuild(FwuConfig(quirks=TFM_FWU_TODAY if tfm else FwuQuirks())))
    assert fwu.psa_fwu_start(device.ns, 0) == PSA_SUCCESS
    status = fwu.psa_fwu_write(device.ns, 0, offset, block)
    assert status == (theirs if tfm else ours)
    wanted = bytearray(b"\xff" * SLOT_SIZE)
    if status == PSA_SUCCESS:
        wanted[offset : offset + len(block)] = block
    assert device.cells()[0, 1] == wanted
    assert device.info().state is WRITING


def test_a_block_can_be_written_again_where_its_bits_allow() -> None:
    device = bench()
    fwu.psa_fwu_start(device.ns, 0)
    assert fwu.psa_fwu_write(device.ns, 0, 0, b"\xf0\xf0\xf0\xf0") == PSA_SUCCESS
    assert fwu.psa_fwu_write(device.ns, 0, 0, b"\x10\x10\x10\x10") == PSA_SUCCESS
    assert fwu.psa_fwu_write(device.ns, 0, 0, b"\xff\x10\x10\x10") == PSA_ERROR_STORAGE_FAILURE
    assert device.info().state is WRITING
    assert device.cells()[0, 1][:4] == b"\x10\x10\x10\x10"


@pytest.mark.parametrize("quirk", [False, True])
def test_the_digest_of_a_candidate(quirk: bool) -> None:
    device = bench(digest_counts_every_byte_written=quirk)
    fwu.psa_fwu_start(device.ns, 0)
    for _ in range(2):
        fwu.psa_fwu_write(device.ns, 0, 0, IMAGE)
    assert device.info().impl.candidate_digest == bytes(32), "not while it is written"
    fwu.psa_fwu_finish(device.ns, 0)
    covered = (device.cells()[0, 1])[: 2 * len(IMAGE) if quirk else len(IMAGE)]
    assert device.info().impl.candidate_digest == hashlib.sha256(covered).digest()
    fwu.psa_fwu_cancel(device.ns, 0)
    assert device.info().impl.candidate_digest == bytes(32)


def test_a_digest_over_more_than_the_slot_is_a_storage_failure_in_tf_m() -> None:
    device = bench(digest_counts_every_byte_written=True)
    fwu.psa_fwu_start(device.ns, 0)
    for _ in range(5):
        fwu.psa_fwu_write(device.ns, 0, 0, bytes(1024))
    fwu.psa_fwu_finish(device.ns, 0)
    for _ in range(20):
        assert fwu.psa_fwu_query(device.ns, 0) == (PSA_ERROR_STORAGE_FAILURE, None)
    # The crypto service's operations have not run out.
    CryptoApi(device.ns).hash_operation(PSA_ALG_SHA_256).close()


def test_the_digest_of_a_shorter_image_after_a_longer_one() -> None:
    device = bench()
    device.stage(0, bytes(2000))
    fwu.psa_fwu_cancel(device.ns, 0)
    fwu.psa_fwu_clean(device.ns, 0)
    device.stage(0, IMAGE)
    assert device.info().impl.candidate_digest == hashlib.sha256(IMAGE).digest()


def test_install_asks_for_a_test_run_in_the_trailer() -> None:
    device, other = bench(), bench()
    device.stage(1, IMAGE)
    other.stage(1, IMAGE)
    mark_pending(other.secondary(1), permanent=False, image_index=1)
    assert fwu.psa_fwu_install(device.ns) == fwu.PSA_SUCCESS_REBOOT
    assert device.cells() == other.cells()
    state = read_swap_state(device.secondary(1))
    assert (state.magic, state.image_ok, state.swap_type, state.image_num) == (
        Magic.GOOD,
        Flag.UNSET,
        SwapType.TEST,
        1,
    )
    assert device.info(1).state is STAGED


@pytest.mark.parametrize("call", ["cancel", "reject"])
def test_an_update_that_is_given_up_is_not_installed_by_a_reset(call: str) -> None:
    device = bench()
    device.stage(0, IMAGE)
    if call == "reject":
        fwu.psa_fwu_install(device.ns)
        assert fwu.psa_fwu_reject(device.ns, -7) == PSA_SUCCESS
    else:
        assert fwu.psa_fwu_cancel(device.ns, 0) == PSA_SUCCESS
    assert read_swap_state(device.secondary()).magic is Magic.UNSET
    assert (device.info().state, device.info().error) == (FAILED, -7 if call == "reject" else 0)
    assert fwu.psa_fwu_clean(device.ns, 0) == PSA_SUCCESS
    assert device.cells()[0, 1] == b"\xff" * SLOT_SIZE


# What is staged for image 0 and for image 1 (None: nothing), the specification's answer and TF-M's.
NEEDED, CORRUPT = PSA_ERROR_DEPENDENCY_NEEDED, PSA_ERROR_DATA_CORRUPT
REBOOT = fwu.PSA_SUCCESS_REBOOT
SHORT_TLV = ImageParts(protected=((0x40, bytes(11)),)).with_tlvs(())
BROKEN_TLV = ImageParts(header={"protect_tlv_size": 64}).with_tlvs(())
INSTALLS = [
    ("a good image", IMAGE, None, REBOOT, REBOOT),
    ("two good images", IMAGE, IMAGE, REBOOT, REBOOT),
    ("the running version is enough", image(dependency(1, 1, 2, 3, 0)), None, REBOOT, REBOOT),
    ("the build number does not count", image(dependency(1, 1, 2, 3, 99)), None, REBOOT, REBOOT),
    ("a newer one is needed", image(dependency(1, 1, 2, 4, 0)), None, NEEDED, NEEDED),
    ("the other candidate is it", image(dependency(1, 1, 3, 0, 0)), IMAGE, REBOOT, REBOOT),
    ("the other candidate is too old", image(dependency(1, 1, 3, 1, 0)), IMAGE, NEEDED, NEEDED),
    ("either needs the other", image(dependency(1, 1, 3, 0, 0)), image(dependency(0, 1, 3, 0, 0)), REBOOT, REBOOT),
    ("the second needs more", IMAGE, image(dependency(0, 1, 4, 0, 0)), NEEDED, NEEDED),
    ("on itself", image(dependency(0, 1, 3, 0, 0)), None, REBOOT, REBOOT),
    ("the second of two dependencies", image(dependency(1, 1, 0, 0, 0), dependency(1, 2, 0, 0, 0)), None, NEEDED, NEEDED),
    ("on an image that is not there", image(dependency(2, 0, 0, 0, 0)), None, ARGUMENT, STORAGE),
    ("on an image far away", image(dependency(3, 0, 0, 0, 0)), None, ARGUMENT, CORRUPT),
    ("a dependency of another size", SHORT_TLV, None, ARGUMENT, ARGUMENT),
    ("no image", b"no image", None, ARGUMENT, CORRUPT),
    ("nothing at all", b"\xff", None, ARGUMENT, CORRUPT),
    ("a header alone", IMAGE[:0x40], None, ARGUMENT, STORAGE),
    ("TLVs of another size", BROKEN_TLV, None, ARGUMENT, STORAGE),
    ("the second is no image", IMAGE, b"no image", ARGUMENT, CORRUPT),
    ("a needed image that is none", image(dependency(1, 1, 3, 0, 0)), b"no image", NEEDED, NEEDED),
    ("a length past everything", ImageParts(header={"img_size": 0xFFFFFFFF}).with_tlvs(()), None, ARGUMENT, STORAGE),
]  # fmt: skip


@pytest.mark.parametrize("tfm", [False, True])
@pytest.mark.parametrize(
    ("first", "second", "ours", "theirs"), [i[1:] for i in INSTALLS], ids=[i[0] for i in INSTALLS]
)
def test_install(tfm: bool, first: bytes, second: bytes | None, ours: int, theirs: int) -> None:
    device = FwuBench(FwuBuild(FwuConfig(quirks=TFM_FWU_TODAY if tfm else FwuQuirks())))
    staged = [(0, first)] if second is None else [(0, first), (1, second)]
    for component, data in staged:
        device.stage(component, data)
    before = device.cells()
    status = fwu.psa_fwu_install(device.ns)
    assert status == (theirs if tfm else ours)
    after = STAGED if status == REBOOT else CANDIDATE if status == NEEDED else FAILED
    for component, _ in staged:
        info = device.info(component)
        assert (info.state, info.error) == (after, status if after is FAILED else 0)
    if status != REBOOT:
        assert device.cells() == before


def test_an_image_that_is_still_written_is_nobodys_dependency() -> None:
    device = bench()
    device.stage(0, image(dependency(1, 1, 3, 0, 0)))
    fwu.psa_fwu_start(device.ns, 1)
    fwu.psa_fwu_write(device.ns, 1, 0, IMAGE)
    assert fwu.psa_fwu_install(device.ns) == PSA_ERROR_DEPENDENCY_NEEDED
    fwu.psa_fwu_finish(device.ns, 1)
    assert fwu.psa_fwu_install(device.ns) == fwu.PSA_SUCCESS_REBOOT


@pytest.mark.parametrize(
    ("quirk", "status"), [(False, PSA_ERROR_INVALID_ARGUMENT), (True, fwu.PSA_SUCCESS_REBOOT)]
)
def test_a_device_of_one_image(quirk: bool, status: int) -> None:
    device = bench(1, one_image_is_not_examined=quirk)
    device.stage(0, b"no image")
    assert fwu.psa_fwu_install(device.ns) == status
    assert fwu.psa_fwu_query(device.ns, 1) == (PSA_ERROR_DOES_NOT_EXIST, None)


def test_a_trailer_that_cannot_be_written_takes_back_the_others() -> None:
    device = bench()
    device.stage(0, IMAGE)
    device.stage(1, IMAGE)
    device.flash[1, 1].refuse_write_at = SLOT_SIZE - 16
    assert fwu.psa_fwu_install(device.ns) == PSA_ERROR_STORAGE_FAILURE
    for component in (0, 1):
        assert (device.info(component).state, device.info(component).error) == (
            FAILED,
            PSA_ERROR_STORAGE_FAILURE,
        )
        assert read_swap_state(device.secondary(component)).magic is Magic.UNSET


def test_tf_m_writes_an_image_with_a_trailer_of_its_own() -> None:
    """imgtool --pad: the next reset installs it, whatever becomes of the update."""
    device = bench(write_reaches_the_trailer=True)
    padded = IMAGE.ljust(SLOT_SIZE, b"\xff")
    other = bench()
    write_magic(other.secondary())
    padded = padded[:-16] + other.cells()[0, 1][-16:]
    device.stage(0, padded)
    fwu.psa_fwu_cancel(device.ns, 0)
    assert read_swap_state(device.secondary()).magic is Magic.GOOD
    with pytest.raises(PsaError, match="psa_fwu_write: PSA_ERROR_INVALID_ARGUMENT"):
        other.stage(0, padded)


# The primary slot's trailer: magic, copy_done, image_ok; on trial by the specification, and by TF-M.
TRAILERS = [
    (False, False, False, False, True),
    (True, False, False, False, True),
    (True, True, False, True, True),
    (True, True, True, False, False),
    (True, False, True, False, False),
    (False, False, True, False, False),
]


@pytest.mark.parametrize(("magic", "copy_done", "image_ok", "ours", "theirs"), TRAILERS)
@pytest.mark.parametrize("trial", [False, True])
@pytest.mark.parametrize("tfm", [False, True])
def test_which_running_image_is_on_trial(
    magic: bool, copy_done: bool, image_ok: bool, ours: bool, theirs: bool, trial: bool, tfm: bool
) -> None:
    device = bench(trial=trial, unconfirmed_is_on_trial=tfm)
    for wanted, write in ((magic, write_magic), (copy_done, write_copy_done), (image_ok, write_image_ok)):
        if wanted:
            write(device.primary())
    on_trial = trial and (theirs if tfm else ours)
    assert device.info().state is (TRIAL if on_trial else READY)
    assert fwu.psa_fwu_start(device.ns, 0) == (PSA_ERROR_BAD_STATE if on_trial else PSA_SUCCESS)


def swapped_in(device: FwuBench, component: int = 0) -> None:
    """The primary slot's trailer as a swap for a test run leaves it."""
    write_magic(device.primary(component))
    write_copy_done(device.primary(component))


def test_accept_sets_image_ok() -> None:
    device = bench(trial=True)
    swapped_in(device)
    before = device.cells()
    assert fwu.psa_fwu_accept(device.ns) == PSA_SUCCESS
    assert read_swap_state(device.primary()).image_ok is Flag.SET
    assert device.info().state is UPDATED
    assert {k: v for k, v in device.cells().items() if v != before[k]}.keys() == {(0, 0)}
    device.reset()
    assert device.info().state is READY


def test_an_acceptance_that_fails_leaves_the_trial() -> None:
    device = bench(trial=True)
    swapped_in(device, 0)
    swapped_in(device, 1)
    device.flash[1, 0].refuse_write_at = SLOT_SIZE - 24
    assert fwu.psa_fwu_accept(device.ns) == PSA_ERROR_STORAGE_FAILURE
    assert [device.info(0).state, device.info(1).state] == [TRIAL, TRIAL]
    device.flash[1, 0].refuse_write_at = None
    assert fwu.psa_fwu_accept(device.ns) == PSA_SUCCESS
    assert [device.info(0).state, device.info(1).state] == [UPDATED, UPDATED]


def test_a_trailer_that_is_bad_is_not_accepted() -> None:
    device = bench(trial=True, unconfirmed_is_on_trial=True)
    device.primary(1).write(SLOT_SIZE - 16, bytes(16))
    before = device.cells()
    assert [device.info(0).state, device.info(1).state] == [TRIAL, TRIAL]
    assert fwu.psa_fwu_accept(device.ns) == PSA_ERROR_STORAGE_FAILURE
    assert [device.info(0).state, device.info(1).state] == [TRIAL, TRIAL]
    assert device.cells() == before


def test_in_tf_m_an_unconfirmed_factory_image_is_on_trial_for_ever() -> None:
    device = bench(trial=True, unconfirmed_is_on_trial=True)
    assert fwu.psa_fwu_accept(device.ns) == PSA_SUCCESS
    assert device.info().state is UPDATED
    assert fwu.psa_fwu_clean(device.ns, 0) == PSA_SUCCESS
    assert device.info().state is TRIAL


def test_a_rejected_trial_waits_for_the_reset_that_reverts_it() -> None:
    device = bench(trial=True)
    swapped_in(device)
    before = device.cells()
    assert fwu.psa_fwu_reject(device.ns, 99) == fwu.PSA_SUCCESS_REBOOT
    assert (device.info().state, device.info().error) == (REJECTED, 99)
    assert device.cells() == before
    assert fwu.psa_fwu_accept(device.ns) == PSA_ERROR_BAD_STATE


def test_without_trials_there_is_nothing_to_accept() -> None:
    device = bench()
    swapped_in(device)
    assert fwu.psa_fwu_accept(device.ns) == PSA_ERROR_NOT_SUPPORTED
    assert fwu.psa_fwu_reject(device.ns, 0) == PSA_ERROR_BAD_STATE


def test_trailers_of_another_alignment() -> None:
    device = FwuBench(replace(FwuBuild(has_trial=True), boot_max_align=16))
    device.stage(0, IMAGE)
    assert fwu.psa_fwu_install(device.ns) == fwu.PSA_SUCCESS_REBOOT
    assert read_swap_state(device.secondary(), 16).magic is Magic.GOOD
    assert read_swap_state(device.secondary(), 8).magic is Magic.BAD


def test_a_walk_over_many_tlvs_ends() -> None:
    many = area(0x6908, [(0x40, dependency(1, 1, 0, 0, 0)[1])] * 100)
    header = {"protect_tlv_size": len(many)}
    device = bench()
    device.stage(0, ImageParts(protected=(), header=header).hashed() + many + area(0x6907, []))
    assert fwu.psa_fwu_install(device.ns) == fwu.PSA_SUCCESS_REBOOT
