"""What the tests of attestation have happen: platforms that fail, and requests that were sent."""

from collections.abc import Iterator
from contextlib import contextmanager

from support.partition_bench import make_hal

from tfm_sim.interface.trace import Event
from tfm_sim.platform.hal import PlatformHal
from tfm_sim.platform.plat_err import PlatError, TfmPlatErr
from tfm_sim.platform.provisioning import DUMMY, Provisioning, provisioned_otp
from tfm_sim.spm.events import MessageDelivered
from tfm_sim.spm.kernel import Kernel


def failing_hal(function: str, provisioning: Provisioning = DUMMY) -> PlatformHal:
    """A platform one of whose functions cannot answer."""

    def fail(*_: object) -> bytes:
        raise PlatError(TfmPlatErr.SYSTEM_ERR, f"{function}: broken on purpose")

    hal = make_hal(provisioned_otp(provisioning))
    setattr(hal, function, fail)
    return hal


@contextmanager
def delivered_requests(kernel: Kernel) -> Iterator[list[str]]:
    """The requests to TF-M's services while the body runs, such as ``psa_sign_hash(key 0x1, ...)``."""
    requests: list[str] = []

    def listen(event: Event) -> None:
        if isinstance(event, MessageDelivered):
            requests.append(event.request)

    kernel.trace.listeners.append(listen)
    try:
        yield requests
    finally:
        kernel.trace.listeners.remove(listen)


class NamingHal(PlatformHal):
    """A platform whose build names the hash of its measurements."""

    def tfm_attest_hal_get_platform_hash_algo(self) -> bytes:
        return b"sha-256"


def naming_hal(provisioning: Provisioning = DUMMY) -> PlatformHal:
    hal = make_hal(provisioned_otp(provisioning))
    hal.__class__ = NamingHal
    return hal
