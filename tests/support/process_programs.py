"""Programs for tests of partitions in processes of their own: each a class at the top of a module."""

from tfm_sim.interface.psa.service import PSA_BLOCK, PSA_WAIT_ANY, psa_msg_t
from tfm_sim.spm.partition_api import PartitionApi


class LeanIpc:
    """Waits, gets, replies; nothing else."""

    def __init__(self, psa: PartitionApi) -> None:
        self.psa = psa

    def main(self) -> None:
        psa, msg = self.psa, psa_msg_t()
        while True:
            psa.psa_wait(PSA_WAIT_ANY, PSA_BLOCK)
            psa.psa_get(0x10, msg)
            psa.psa_reply(msg.handle, 0)


class CopyIpc(LeanIpc):
    """Reads input vector 0 and writes it to output vector 0."""

    def main(self) -> None:
        psa, msg = self.psa, psa_msg_t()
        while True:
            psa.psa_wait(PSA_WAIT_ANY, PSA_BLOCK)
            psa.psa_get(0x10, msg)
            buffer = bytearray(msg.in_size[0])
            psa.psa_read(msg.handle, 0, buffer, len(buffer))
            psa.psa_write(msg.handle, 0, buffer)
            psa.psa_reply(msg.handle, 0)


class LeanSfn:
    def __init__(self, psa: PartitionApi) -> None:
        self.psa = psa

    def service_sfn(self, msg: psa_msg_t) -> int:
        return 0
