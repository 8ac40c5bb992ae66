"""TF-M's regression test services, as far as non-secure clients were recorded with them (tf-m-tests)."""

import struct

from support.kernel_bench import a_manifest, a_service

from tfm_sim.interface.psa.service import PSA_BLOCK, PSA_IPC_CONNECT, PSA_WAIT_ANY, psa_msg_t
from tfm_sim.interface.psa.status import (
    PSA_ERROR_CONNECTION_REFUSED,
    PSA_ERROR_NOT_SUPPORTED,
    PSA_ERROR_PROGRAMMER_ERROR,
    PSA_SUCCESS,
)
from tfm_sim.spm.config import Backend
from tfm_sim.spm.load import PartitionBuild
from tfm_sim.spm.manifest_file import parse_manifest
from tfm_sim.spm.partition_api import PartitionApi

BASIC_SID = 0xF080
CLIENT_PROGRAMMER_ERROR_SID = 0xF084
STATELESS_ROT_SID = 0xF085
CONNECTION_REFUSED_SID = 0xF089
SECURE_CLIENT_2_SID = 0xF0E0

REQUEST_SRV = 0x1000
"""The one request type that the services know."""
WORD_IN = struct.pack("<I", 0xDEADBEEF)
WORD_OUT = struct.pack("<I", 0xCAFEBABE)
TEST_FAILED = -1


class IpcTestPartition:
    """Dispatches by signal: the services are in the manifest's order, from bit 4."""

    def __init__(self, psa: PartitionApi) -> None:
        self.psa = psa
        self.services = (self.basic, self.programmer_error, self.stateless, self.refuse)

    def main(self) -> None:
        while True:
            signals = self.psa.psa_wait(PSA_WAIT_ANY, PSA_BLOCK)
            for index, service in enumerate(self.services):
                signal = 1 << 4 + index
                msg = psa_msg_t()
                if signals & signal and self.psa.psa_get(signal, msg) == PSA_SUCCESS:
                    self.psa.psa_reply(msg.handle, service(msg))

    def basic(self, msg: psa_msg_t) -> int:
        if msg.type < 0:
            return PSA_SUCCESS
        return self.request(msg) if msg.type == REQUEST_SRV else PSA_ERROR_NOT_SUPPORTED

    def programmer_error(self, msg: psa_msg_t) -> int:
        return PSA_SUCCESS if msg.type < 0 else PSA_ERROR_PROGRAMMER_ERROR

    def stateless(self, msg: psa_msg_t) -> int:
        return self.request(msg) if msg.type == REQUEST_SRV else PSA_ERROR_PROGRAMMER_ERROR

    def refuse(self, msg: psa_msg_t) -> int:
        return PSA_ERROR_CONNECTION_REFUSED if msg.type == PSA_IPC_CONNECT else PSA_SUCCESS

    def request(self, msg: psa_msg_t) -> int:
        """Every input must hold the one word; every output gets the other."""
        for index, size in enumerate(msg.in_size):
            if size:
                word = bytearray(len(WORD_IN))
                self.psa.psa_read(msg.handle, index, word, len(word))
                if word != WORD_IN:
                    return TEST_FAILED
        for index, size in enumerate(msg.out_size):
            if size:
                self.psa.psa_write(msg.handle, index, WORD_OUT)
        return PSA_SUCCESS


class SfnIpcTestPartition(IpcTestPartition):
    """The same services as functions."""

    def ipc_service_test_basic_sfn(self, msg: psa_msg_t) -> int:
        return self.basic(msg)

    def ipc_service_test_client_programmer_error_sfn(self, msg: psa_msg_t) -> int:
        return self.programmer_error(msg)

    def ipc_service_test_stateless_rot_sfn(self, msg: psa_msg_t) -> int:
        return self.stateless(msg)

    def ipc_service_test_connection_refused_sfn(self, msg: psa_msg_t) -> int:
        return self.refuse(msg)


class SecureOnlyPartition:
    """TFM_SP_SECURE_CLIENT_2: a service that no non-secure client may use, so nothing ever comes."""

    def __init__(self, psa: PartitionApi) -> None:
        self.psa = psa

    def tfm_secure_client_2_init(self) -> None:
        self.psa.psa_wait(PSA_WAIT_ANY, PSA_BLOCK)


class SfnSecureOnlyPartition:
    """The same as a function."""

    def __init__(self, psa: PartitionApi) -> None:
        self.psa = psa

    def tfm_secure_client_2_sfn(self, msg: psa_msg_t) -> int:
        return TEST_FAILED


SERVICES = [
    a_service("IPC_SERVICE_TEST_BASIC", BASIC_SID),
    a_service("IPC_SERVICE_TEST_CLIENT_PROGRAMMER_ERROR", CLIENT_PROGRAMMER_ERROR_SID),
    a_service("IPC_SERVICE_TEST_STATELESS_ROT", STATELESS_ROT_SID, connection_based=False),
    a_service("IPC_SERVICE_TEST_CONNECTION_REFUSED", CONNECTION_REFUSED_SID),
]
SECURE_ONLY = [a_service("TFM_SECURE_CLIENT_2", SECURE_CLIENT_2_SID, non_secure_clients=False)]


def ipc_test_partitions(backend: Backend = Backend.IPC) -> tuple[PartitionBuild, ...]:
    """The test partitions of a TF-M built with TFM_NS_REG_TEST, by TF-M's partition ids.

    On the SFN backend they are of the SFN model; TF-M has them for the IPC backend alone.
    """
    model = backend.value
    secure_only = {"entry_point": "tfm_secure_client_2_init"} if backend is Backend.IPC else {}
    texts = (
        a_manifest("TFM_SP_IPC_SERVICE_TEST", SERVICES, model, type="PSA-ROT"),
        a_manifest("TFM_SP_SECURE_CLIENT_2", SECURE_ONLY, model, **secure_only),
    )
    manifests = (
        parse_manifest(texts[0], "tfm_ipc_service_test.yaml"),
        parse_manifest(texts[1], "tfm_secure_client_2.yaml"),
    )
    if backend is Backend.SFN:
        return (
            PartitionBuild(manifests[0], 3001, SfnIpcTestPartition),
            PartitionBuild(manifests[1], 3002, SfnSecureOnlyPartition),
        )
    return (
        PartitionBuild(manifests[0], 3001, IpcTestPartition),
        PartitionBuild(manifests[1], 3002, SecureOnlyPartition),
    )
