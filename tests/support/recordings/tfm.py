"""tfm-*.json: what the real TF-M did, in whichever of the forms the file has."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from support.ipc_test_services import ipc_test_partitions
from support.recordings.case import Case, Recorded, not_yet, skipped
from support.recordings.firmware import Firmware, start_firmware
from support.recordings.tfm_behaviour import behaviour_cases
from support.recordings.tfm_boot import boot_cases, otp_cases
from support.recordings.tfm_build import TfmBuild
from support.recordings.tfm_ipc import IpcReplay
from support.recordings.tfm_token import key_of, token_cases, uart_cases

BEHAVIOUR = {"results", "attestation_token_buffer_size_scan", "attestation_service_errors"}


@dataclass
class Variant:
    """One build of TF-M with all that was recorded of it; it boots when the first case asks."""

    build: TfmBuild
    recorded: Recorded
    key: bytes
    _firmware: list[Firmware] = field(default_factory=list)

    def boot(self) -> Firmware:
        area = self.recorded.get("boot_status_tlv")
        if self.build.has_bl2 and not area:
            not_yet("the boot status that this variant booted on is not recorded")
        return start_firmware(
            self.build.attestation,
            bytes.fromhex(area["hex"]) if area else None,
            self.build.provisioning,
            self.build.spm,
            ipc_test_partitions(self.build.backend),
            measured_boot=self.build.measured_boot,
        )

    def shared(self) -> Firmware:
        """For token calls, which leave nothing behind."""
        if not self._firmware:
            self._firmware.append(self.boot())
        return self._firmware[0]

    def cases(self) -> Iterator[Case]:
        yield from boot_cases(self.build, self.recorded)
        yield from otp_cases(self.build, self.recorded)
        yield from token_cases(self.build, self.recorded, self.shared, self.key)
        yield from uart_cases(self.build, self.recorded, self.shared)
        lines = self.recorded.get("ipc_and_storage_result_lines") or []
        yield from IpcReplay(lines, self.boot, self.build.has_mm_iovec).cases()


def tfm_cases(recording: Recorded) -> Iterator[Case]:
    if "variants" in recording:
        for name, recorded in recording["variants"].items():
            build = TfmBuild.of(name, recorded, recording["versions"])
            variant = Variant(build, recorded, key_of(build, recording["platform_dummy_data"]))
            yield from (case.under(name) for case in variant.cases())
    elif BEHAVIOUR & recording.keys():
        yield from behaviour_cases(recording)
    elif "builds" in recording:
        yield skipped("timings", "timings hold no verdicts")
    else:
        yield skipped("the whole file", f"unknown form with {', '.join(recording)}")
