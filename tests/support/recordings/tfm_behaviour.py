"""tfm-ipc-behaviour.json: calls of a non-secure client, token buffers of every size, attestation's errors."""

import re
from collections.abc import Callable, Iterator
from functools import partial

from support.ipc_test_services import ipc_test_partitions
from support.recordings.case import Case, Recorded, skipped
from support.recordings.firmware import Firmware, start_firmware
from support.recordings.software import two_component_boot_status
from support.recordings.tfm_build import is_before_2_2
from support.recordings.tfm_ipc import IpcReplay

from tfm_sim.interface.psa.client import InVec, psa_outvec
from tfm_sim.interface.psa.initial_attestation import psa_initial_attest_get_token
from tfm_sim.interface.tfm.attestation import TFM_ATTEST_GET_TOKEN, TFM_ATTEST_GET_TOKEN_SIZE
from tfm_sim.interface.tfm.services import TFM_ATTESTATION_SERVICE_HANDLE
from tfm_sim.partitions.initial_attestation.config import AttestationConfig, TokenVariant
from tfm_sim.platform.provisioning import DUMMY
from tfm_sim.spm.config import Backend, SpmConfig

CHALLENGE = bytes(range(32))
TOKEN_ROOM = 0x250


BUILDS: dict[str, SpmConfig] = {
    "level 1": SpmConfig(isolation_level=1),
    "level 2": SpmConfig(isolation_level=2),
    "level 3": SpmConfig(isolation_level=3),
    "SFN backend": SpmConfig(backend=Backend.SFN),
}
"""What a non-secure client sees is the same with all of them; level 1 was recorded."""


def behaviour_cases(recording: Recorded) -> Iterator[Case]:
    """The file's cases, with every build of the SPM."""
    for name, spm in BUILDS.items():
        yield from (case.under(name) for case in Behaviour(recording, spm).cases())


class Behaviour:
    """One such file. The firmware is built as its ``what`` says; it boots when the first case asks."""

    def __init__(self, recording: Recorded, spm: SpmConfig) -> None:
        self.recording = recording
        self.spm = spm
        stated = re.search(r"TF-Mv(\d+\.\d+)", str(recording.get("what", "")))
        self.before_2_2 = stated is not None and is_before_2_2(stated[1])
        self._firmware: Firmware | None = None

    def boot(self) -> Firmware:
        return start_firmware(
            AttestationConfig(
                TokenVariant.PSA_IOT_PROFILE_1_2022 if self.before_2_2 else TokenVariant.PSA_IOT_PROFILE_1,
                tfm_2_2_signature_room_slip=not self.before_2_2,
            ),
            two_component_boot_status(),
            DUMMY,
            self.spm,
            ipc_test_partitions(self.spm.backend),
        )

    def shared(self) -> Firmware:
        """For calls that leave nothing behind."""
        if self._firmware is None:
            self._firmware = self.boot()
        return self._firmware

    def cases(self) -> Iterator[Case]:
        lines = [_line(result) for result in self.recording.get("results", ())]
        yield from (case.under("results") for case in IpcReplay(lines, self.boot).cases())
        scan = self.recording.get("attestation_token_buffer_size_scan")
        if scan:
            yield from (case.under("buffer size scan") for case in self._scan(scan))
        errors = AttestationErrors(self.recording.get("attestation_service_errors", ()), self.shared)
        yield from (case.under("attestation errors") for case in errors.cases())

    def _scan(self, scan: Recorded) -> Iterator[Case]:
        yield Case(
            f"token size {scan['token_size']}", partial(self._buffers, TOKEN_ROOM, TOKEN_ROOM, 0, scan)
        )
        for part in scan["rc_by_buffer_size"]:
            yield Case(
                f"{part['from']} to {part['to']} = {part['rc']}",
                partial(self._buffers, part["from"], part["to"], part["rc"], scan),
            )
        note = re.match(r"size (\d+) gives (-?\d+)", scan.get("note", ""))
        if note:
            size, status = int(note[1]), int(note[2])
            yield Case(f"{size} = {status}", partial(self._buffers, size, size, status, scan))

    def _buffers(self, first: int, last: int, status: int, scan: Recorded) -> None:
        client = self.shared().ns
        for size in range(first, last + 1):
            found, token = psa_initial_attest_get_token(client, CHALLENGE, size)
            assert (size, found) == (size, status)
            assert len(token) == (0 if status else scan["token_size"])


def _line(result: Recorded) -> str:
    """A result as the bench printed it."""
    if "note" in result:
        return str(result["note"])
    extra = f" {result['extra']}" if result.get("extra") else ""
    return f"RC {result['call']} = {result['rc']}{extra}"


class AttestationErrors:
    """Lines of calls to the attestation service by bare psa_call; OUT lines tell of the call before them."""

    def __init__(self, lines: list[str], boot: Callable[[], Firmware]) -> None:
        self.lines = lines
        self._boot = boot

    def cases(self) -> Iterator[Case]:
        before = ""
        for line in self.lines:
            call = line.partition(" = ")[0]
            wanted = before if line.startswith("OUT") else call
            if wanted not in ERRING_CALLS:
                yield skipped(line, f"unknown call {wanted!r}")
            else:
                yield Case(line, partial(self._check, line, wanted))
            before = before if line.startswith("OUT") else call

    def _check(self, line: str, call: str) -> None:
        out = bytearray(TOKEN_ROOM if call != "RC attest GET_TOKEN_SIZE ok" else 4)
        vector = psa_outvec(out)
        status = ERRING_CALLS[call](self, vector)
        if line.startswith("OUTLEN"):
            assert line == f"OUTLEN {vector.len}"
        elif line.startswith("OUT "):
            assert line == f"OUT size={int.from_bytes(out[:4], 'little')} len={vector.len}"
        else:
            assert line == f"{call} = {status}"

    def call(self, type_: int, ins: list[InVec], outs: list[psa_outvec]) -> int:
        return self._boot().ns.psa_call(TFM_ATTESTATION_SERVICE_HANDLE, type_, ins, outs)


ERRING_CALLS: dict[str, Callable[[AttestationErrors, psa_outvec], int]] = {
    "RC get_token chal 65": lambda s, out: s.call(TFM_ATTEST_GET_TOKEN, [bytes(65)], [out]),
    "RC attest psa_call type 9999": lambda s, out: s.call(9999, [CHALLENGE], [out]),
    "RC attest psa_call type 0": lambda s, out: s.call(0, [CHALLENGE], [out]),
    "RC attest GET_TOKEN no vecs": lambda s, out: s.call(TFM_ATTEST_GET_TOKEN, [], []),
    "RC attest GET_TOKEN no outvec": lambda s, out: s.call(TFM_ATTEST_GET_TOKEN, [CHALLENGE], []),
    # The service looks at the first vector alone, so a challenge in two halves is too short.
    "RC attest GET_TOKEN two invecs": lambda s, out: s.call(
        TFM_ATTEST_GET_TOKEN, [CHALLENGE[:16], CHALLENGE[16:]], [out]
    ),
    "RC attest GET_TOKEN_SIZE ok": lambda s, out: s.call(
        TFM_ATTEST_GET_TOKEN_SIZE, [(32).to_bytes(4, "little")], [out]
    ),
    "RC attest GET_TOKEN_SIZE in_len 3": lambda s, out: s.call(
        TFM_ATTEST_GET_TOKEN_SIZE, [bytes(3)], [psa_outvec(bytearray(4))]
    ),
    "RC attest GET_TOKEN_SIZE out_len 3": lambda s, out: s.call(
        TFM_ATTEST_GET_TOKEN_SIZE, [(32).to_bytes(4, "little")], [psa_outvec(bytearray(3))]
    ),
}
