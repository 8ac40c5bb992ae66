"""STM_Provisioning on whole devices: what it says on the line, what it leaves behind, and where it stops."""

import base64
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st
from support.matter_factory import BEFORE_PROVISIONING, Factory, Tag, dac_line, pai_line, point_in, verifies

from tfm_sim.interface.matter import provisioning_link as link
from tfm_sim.interface.matter.factory_data import CREDENTIALS, FactoryData
from tfm_sim.interface.matter.provisioning_link import LINE_LIMIT, LinkMessage, message_line
from tfm_sim.interface.stm32.cks import otCksDacInitialize
from tfm_sim.interface.stm32.usart import UsartIsr
from tfm_sim.partitions.cks.config import CksConfig
from tfm_sim.platform.memory import RegionKind
from tfm_sim.platform.power import Cut, Operation, OperationKind, PowerCut
from tfm_sim.platform.stm32_usart import SerialFrame
from tfm_sim.tools.matter.device_machine import DacKeyPlace, MatterPlatform, matter_platform
from tfm_sim.tools.matter.firmware.provisioning import (
    KEY_STORE_FAILED,
    DevelopmentCredentials,
    ProvisioningFirmware,
)

WBA_TFM = matter_platform("wba", 2)
MESSAGE = b"a challenge"
DAC, PAI = Tag.DEVICE_ATTESTATION_CERTIFICATE, Tag.PAI_CERTIFICATE
PRIVATE, PUBLIC = Tag.DEVICE_ATTESTATION_PRIV_KEY, Tag.DEVICE_ATTESTATION_PUB_KEY
SECONDS = 1_000_000
MARKER = b"\xac" * 4


def is_whole(factory: Factory) -> bool:
    """Certificates, public key and private key belong together, and nothing else has changed."""
    data = factory.factory_data()
    dac, pai, public_key = (data.get(tag) for tag in (DAC, PAI, PUBLIC))
    assert dac is not None
    assert public_key is not None
    assert pai == next(iter(factory.pki.pais.values())).der
    assert point_in(dac) == public_key
    assert data.without(CREDENTIALS) == BEFORE_PROVISIONING
    store = factory.platform.key_store(factory.machine)
    return verifies(public_key, MESSAGE, store.sign(MESSAGE, public_key))


@pytest.fixture(scope="module")
def shared() -> Iterator[Factory]:
    """A device for many runs: a failed one leaves nothing behind, which each test sees to."""
    factory = Factory(WBA_TFM)
    with factory.device:
        yield factory


@pytest.fixture
def fresh(shared: Factory) -> Factory:
    """The same, before provisioning."""
    shared.write_factory_data(BEFORE_PROVISIONING)
    shared.platform.key_store(shared.machine).erase()
    shared.join()
    shared.lines.clear()
    shared.answer = shared.both_certificates
    shared.machine.on_wait = None
    return shared


def non_secure_ram(factory: Factory) -> bytes:
    """What is left where every program of the non-secure side can look."""
    memory = factory.device.hardware.memory
    ram = [r for r in memory.regions if r.non_secure and r.kind is RegionKind.RAM]
    assert ram
    return b"|".join(memory.read(region.base, region.size) for region in ram)


def area(factory: Factory) -> bytes:
    """The flash of the factory data."""
    place = factory.platform.support
    return factory.device.ns_flash.read(place.factory_data, place.factory_data_size)


def took(factory: Factory, start: int) -> int:
    """Whole seconds of virtual time since ``start``."""
    return (factory.machine.now - start) // SECONDS


@pytest.mark.parametrize(
    "platform, security, mode, level",
    [
        ("wba", 0, "production", 1),
        ("wba", 1, "production", 1),
        ("wba", 2, "production", 1),
        ("wba", 2, "production", 3),
        ("u5", 1, "production", 1),
        ("wb55", 0, "production", 1),
        ("wb55", 0, "production", 3),
        ("wb55", 0, "test", 1),
    ],
)
def test_provisioning(platform: str, security: int, mode: str, level: int) -> None:
    factory = Factory(matter_platform(platform, security, mode), isolation_level=level)
    with factory.device:
        assert factory.provision() == 0
        assert [line[:4] for line in factory.lines] == [b"Star", b"CSR:", b"fini"]
        assert (factory.lines[0], factory.lines[-1]) == (b"Start_provisioning", b"finish:000")
        assert len(factory.csrs) == 1
        assert is_whole(factory)
        # 115200 8N1, as near as the board's clock comes.
        assert factory.usart.baud_rate == pytest.approx(115200, rel=0.001)
        assert factory.usart.frame == SerialFrame(8, "N", 1)
        (private_key,) = factory.store.private_keys
        in_flash = factory.platform.key_place is DacKeyPlace.FLASH
        assert factory.factory_data().get(PRIVATE) == (private_key if in_flash else None)
        # The private key is nowhere else: not in any flash, as bytes or as text, and never on the line.
        image, line = factory.flash_image(), bytes(factory.usart.sent)
        assert (private_key in image) is in_flash
        pem = ec.derive_private_key(int.from_bytes(private_key, "big"), ec.SECP256R1()).private_bytes(
            Encoding.DER, PrivateFormat.PKCS8, NoEncryption()
        )
        for form in (
            private_key[::-1],
            private_key.hex().encode(),
            private_key.hex().upper().encode(),
            base64.b64encode(private_key)[:-1],
            base64.b64encode(pem)[:-4],
        ):
            assert form not in image
            assert form not in line
        assert private_key not in line
        assert in_flash or private_key not in non_secure_ram(factory)
        factory.device.reset()
        assert is_whole(factory)


def test_the_request(fresh: Factory) -> None:
    """Serial number, VID and PID of the factory data; the key's own signature proves possession."""
    factory = fresh
    factory.provision()
    request = x509.load_der_x509_csr(factory.csrs[-1])
    assert request.is_signature_valid
    vendor, product = "1.3.6.1.4.1.37244.2.1", "1.3.6.1.4.1.37244.2.2"
    assert request.subject.rfc4514_string() == f"{product}=8004,{vendor}=FFF1,CN=STM32-0001"
    key = request.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    point = key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    assert point == factory.factory_data().get(PUBLIC)


@pytest.mark.parametrize(
    "serial, name",
    [
        (b"x" * 64, "x" * 64),
        (b"x" * 70, "x" * 64),
        (b"x" * 63 + "\N{LATIN SMALL LETTER E WITH ACUTE}".encode(), "x" * 63),
    ],
)
def test_a_long_serial_number_in_the_request(fresh: Factory, serial: bytes, name: str) -> None:
    """RFC 5280 ub-common-name: 64; no half of a character."""
    fresh.write_factory_data(BEFORE_PROVISIONING.with_values({Tag.SERIAL_NUMBER: serial}))
    assert fresh.provision() == 0
    (found,) = x509.load_der_x509_csr(fresh.csrs[-1]).subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    assert found.value == name


def test_every_device_makes_a_key_of_its_own() -> None:
    keys = set()
    for seed in (1, 2, 3):
        factory = Factory(WBA_TFM, seed=seed)
        factory.provision()
        keys.add(factory.store.private_keys[0])
    assert len(keys) == 3


Answers = Callable[[Factory, bytes, bytes], bytes]


def raw(name: str, der: bytes, crc: int | None = None) -> bytes:
    """A line that message_line would not write."""
    number = zlib.crc32(der) if crc is None else crc
    return b"%s:%d:%08x:%s\n" % (name.encode(), len(der), number, base64.b64encode(der))


ANSWERS: list[tuple[str, int, int, Answers]] = [
    ("PAI, DAC", 0, 0, lambda f, pai, dac: pai_line(pai) + dac_line(dac)),
    ("DAC, PAI", 0, 0, lambda f, pai, dac: dac_line(dac) + pai_line(pai)),
    ("line feeds alone", 0, 0, lambda f, pai, dac: raw("PAI", pai) + raw("DAC", dac)),
    (
        "noise in between",
        0,
        0,
        lambda f, pai, dac: b"\x00\xff~\n" + pai_line(pai) + b"\nhi\n" + dac_line(dac),
    ),
    ("Init again", 0, 0, lambda f, pai, dac: link.INIT + pai_line(pai) + link.INIT + dac_line(dac)),
    ("a corrected DAC", 0, 0, lambda f, pai, dac: dac_line(pai) + dac_line(dac) + pai_line(pai)),
    ("silence", 4, 30, lambda f, pai, dac: b""),
    ("PAI alone", 4, 30, lambda f, pai, dac: pai_line(pai)),
    ("DAC alone", 4, 30, lambda f, pai, dac: dac_line(dac)),
    ("noise alone", 4, 30, lambda f, pai, dac: b"noise\n" * 3),
    ("a line without an end", 4, 30, lambda f, pai, dac: pai_line(pai) + dac_line(dac).rstrip()),
    ("a damaged DAC", 3, 0, lambda f, pai, dac: pai_line(pai) + raw("DAC", dac, zlib.crc32(dac) ^ 1)),
    ("no base64", 3, 0, lambda f, pai, dac: pai_line(pai) + b"DAC:4:00000000:!!!!\n"),
    ("a CSR", 3, 0, lambda f, pai, dac: message_line(LinkMessage.CSR, dac)),
    ("an empty DAC", 3, 0, lambda f, pai, dac: dac_line(b"") + pai_line(pai)),
    ("PAI twice over", 3, 0, lambda f, pai, dac: dac_line(pai) + pai_line(pai)),
    ("a certificate of 601 bytes", 2, 0, lambda f, pai, dac: raw("DAC", bytes(601))),
    ("a line that is too long", 2, 0, lambda f, pai, dac: b"x" * (LINE_LIMIT + 1) + b"\n" + pai_line(pai)),
]


@pytest.mark.parametrize("status, seconds, answer", [a[1:] for a in ANSWERS], ids=[a[0] for a in ANSWERS])
def test_answers(fresh: Factory, status: int, seconds: int, answer: Answers) -> None:
    """The result, when it came, and that a failure leaves nothing behind: the next try is a first one."""
    factory, start = fresh, fresh.machine.now

    def answered(csr: bytes) -> bytes:
        certificates = factory.certify(csr)
        return answer(factory, certificates.pai, certificates.dac)

    factory.answer = answered
    assert factory.provision() == status
    assert factory.lines[-1] == b"finish:%03d" % status
    assert took(factory, start) == seconds
    if not status:
        assert is_whole(factory)
        return
    assert factory.store.private_keys == []
    assert factory.factory_data() == BEFORE_PROVISIONING
    factory.answer = factory.both_certificates
    factory.lines.clear()
    assert factory.provision(b"\n" + link.INIT) == 0
    assert is_whole(factory)


@settings(max_examples=40)
@given(
    st.lists(
        st.binary(max_size=60)
        | st.sampled_from([link.INIT, b"DAC:", b"PAI:3:", b":00000000:", b"AAAA\n", b"finish:000\n", b"\n"]),
        max_size=8,
    )
)
def test_whatever_comes_there_is_a_result(shared: Factory, answer: list[bytes]) -> None:
    """Never a certificate, so never `finish:000`, and nothing is left behind."""
    shared.write_factory_data(BEFORE_PROVISIONING)
    shared.join()
    shared.answer = lambda csr: b"".join(answer) + b"\nDAC:0:00000000:\n"
    assert shared.provision(b"\n" + link.INIT) in (2, 3)
    assert shared.store.private_keys == []
    assert shared.factory_data() == BEFORE_PROVISIONING


def test_a_certificate_of_another_device_is_refused() -> None:
    first, second = Factory(WBA_TFM, seed=1), Factory(WBA_TFM, seed=2)
    first.provision()
    stranger = first.factory_data().get(DAC)
    assert stranger is not None
    second.answer = lambda csr: pai_line(second.certify(csr).pai) + dac_line(stranger)
    assert second.provision() == link.ProvisioningStatus.PARAM_ERROR
    assert second.store.private_keys == []


@pytest.mark.parametrize(
    "typed, status, seconds",
    [
        (b"", 4, 30),
        (b"init\nInit \x00\nXInit\n", 4, 30),
        (b"Init", 4, 30),
        (b"\xfe\x01garbage\r\nInit\r\n", 0, 0),
        (b"  Init  \n", 0, 0),
        (b"x" * 2000 + b"\nInit\n", 0, 0),
        (b"Init\nInit\nInit\n", 0, 0),
    ],
)
def test_synchronisation(fresh: Factory, typed: bytes, status: int, seconds: int) -> None:
    """`Start_provisioning` answers one `Init`, be it repeated; nothing else is answered."""
    factory, start = fresh, fresh.machine.now
    assert factory.provision(typed) == status
    assert factory.lines.count(b"Start_provisioning") == (not status)
    assert took(factory, start) == seconds


def test_a_mode_is_for_one_provisioning() -> None:
    """The next one without a mode takes the store that is linked in."""
    factory = Factory(matter_platform("wb55"))
    store, stores = factory.store, factory.platform.key_stores(factory.machine)
    firmware = ProvisioningFirmware(factory.machine, factory.platform.support, store, stores=stores)
    for typed, in_flash in (
        (b"MODE:test\nInit\n", True),
        (b"Init\n", False),
        (b"MODE:x\nInit\n", False),
        (b"MODE:test\nMODE:production\nInit\n", False),
    ):
        factory.write_factory_data(BEFORE_PROVISIONING)
        factory.usart.feed(typed)
        assert firmware.run(init_limit=1) == 0
        assert (factory.factory_data().get(PRIVATE) is not None) is in_flash


def test_bytes_that_came_damaged(fresh: Factory) -> None:
    """Framing errors (another baud rate) are counted, cleared, and spoil the line that they are in."""
    factory, machine = fresh, fresh.machine
    waits: list[int] = []

    def type_slowly(microseconds: int) -> None:
        waits.append(microseconds)
        if len(waits) == 1:
            for byte in b"In\xf3t\n":
                factory.usart.feed(bytes((byte,)), wait=False, errors=UsartIsr.FE | UsartIsr.NE)
        if len(waits) == 3:
            factory.usart.feed(link.INIT)

    machine.on_wait = type_slowly
    assert factory.provision(b"") == 0
    assert not factory.usart.read(0x1C, 4) & (UsartIsr.FE | UsartIsr.NE)


@pytest.mark.parametrize(
    "data, status",
    [
        (BEFORE_PROVISIONING.without([Tag.VENDOR_ID]), 1),
        (BEFORE_PROVISIONING.without([Tag.PRODUCT_ID]), 1),
        (b"", 1),
        (b"not factory data", 1),
        (BEFORE_PROVISIONING.without([Tag.SERIAL_NUMBER]), 0),
        (BEFORE_PROVISIONING.encode()[:-4], 1),
        (BEFORE_PROVISIONING.with_values({PAI: b"another's"}), 1),
        # An entry of another id stays where it is; the area is full with so many.
        (b"".join(bytes((n, 3, 0, 0, 0x58, 2, 0, 0)) + bytes(600) for n in range(26)), 2),
    ],
)
def test_factory_data_beforehand(fresh: Factory, data: FactoryData | bytes, status: int) -> None:
    image = data if isinstance(data, bytes) else data.encode()
    if status == 2:
        image = BEFORE_PROVISIONING.encode()[:-4] + image + MARKER
    factory = fresh
    factory.write_factory_data(image)
    before = area(factory)
    factory.csrs.clear()
    assert factory.provision() == status
    assert len(factory.csrs) == (status != 1)
    assert (area(factory) == before) is bool(status)
    assert factory.store.private_keys == [] or not status


def test_entries_that_the_firmware_does_not_know_stay(fresh: Factory) -> None:
    unknown = (99).to_bytes(4, "little") + (3).to_bytes(4, "little") + b"abc"
    factory = fresh
    factory.write_factory_data(BEFORE_PROVISIONING.encode()[:-4] + unknown + MARKER)
    assert factory.provision() == 0
    assert unknown in area(factory)
    assert is_whole(factory)


@pytest.mark.parametrize("platform", [WBA_TFM, matter_platform("wb55", mode="test")])
def test_credentials_stand_in_the_place_of_the_marker(platform: MatterPlatform) -> None:
    """FACTORYDATA_Write: DAC, PAI, public key, private key, not sorted; one erase, then page by page."""
    factory = Factory(platform)
    done: list[tuple[OperationKind, int]] = []
    power, name = factory.device.hardware.power, platform.support.factory_data_size
    flash = "flash0" if platform is WBA_TFM else "qspi_flash"
    power.on_operation = lambda op: done.append((op.kind, op.length)) if op.memory == flash else None
    assert factory.provision() == 0
    values, image = factory.factory_data().values, BEFORE_PROVISIONING.encode()[:-4]
    tags = [DAC, PAI, PUBLIC] + ([PRIVATE] if platform.key_place is DacKeyPlace.FLASH else [])
    for tag in tags:
        image += int(tag).to_bytes(4, "little") + len(values[tag]).to_bytes(4, "little") + values[tag]
    assert area(factory).rstrip(b"\xff") == image + MARKER
    assert done[-65:] == [(OperationKind.ERASE, name), *[(OperationKind.WRITE, 256)] * 64]


def test_power_that_goes_before_the_flash_is_erased_costs_nothing() -> None:
    """The key is in its store by then, and another one takes its place."""
    factory = Factory(WBA_TFM)
    power, place = factory.device.hardware.power, factory.platform.support.factory_data

    def watch(operation: Operation) -> None:
        if (operation.kind, operation.offset) == (OperationKind.ERASE, place - 0x08000000):
            power.cut_at(Cut(operation.number))

    power.on_operation = watch
    with pytest.raises(PowerCut):
        factory.provision()
    power.on_operation = None
    factory.device.power_on()
    assert factory.factory_data() == BEFORE_PROVISIONING
    first = factory.store.private_keys
    assert len(first) == 1
    factory.join()
    assert factory.provision() == 0
    assert factory.store.private_keys != first
    assert is_whole(factory)


def test_a_provisioned_device_says_so(fresh: Factory) -> None:
    """A lost report is repeated: no new key, no new certificate."""
    factory = fresh
    factory.provision()
    factory.csrs.clear()
    factory.device.reset()
    factory.join()
    factory.lines.clear()
    assert factory.provision() == 0
    assert factory.lines == [b"Start_provisioning", b"finish:000"]
    assert factory.csrs == []


def test_credentials_of_another_device_are_no_provisioning(fresh: Factory) -> None:
    """They are whole in themselves; the key in the store is another's."""
    factory = fresh
    factory.provision()
    point = ec.derive_private_key(7, ec.SECP256R1()).public_key()
    raw = point.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    factory.write_factory_data(factory.factory_data().with_values({PUBLIC: raw}))
    factory.csrs.clear()
    assert factory.provision() == link.ProvisioningStatus.DATA_NOT_FOUND
    assert factory.csrs == []


@pytest.mark.parametrize("platform", [WBA_TFM, matter_platform("wb55"), matter_platform("wba", 1)])
def test_new_factory_data_is_a_new_provisioning(platform: MatterPlatform) -> None:
    factory = Factory(platform)
    factory.provision()
    factory.write_factory_data(BEFORE_PROVISIONING)
    assert factory.provision() == 0
    assert len(set(factory.store.private_keys)) == 2
    assert is_whole(factory)


def test_a_key_store_that_refuses() -> None:
    platform = matter_platform("wb55")
    factory = Factory(platform, build=replace(platform.build(), cks=CksConfig(user_keys=1)))
    otCksDacInitialize(factory.device.ns, bytes(31) + b"\1")
    assert factory.provision() == KEY_STORE_FAILED
    assert factory.lines[-1] == b"finish:005"


def test_the_demonstration_firmware() -> None:
    """X-CUBE-MATTER 2.3.3: certificates and keys are built in, and only the result goes over the line."""
    example = Factory(matter_platform("wba", 1), seed=9)
    example.provision()
    values = example.factory_data().values
    built_in = DevelopmentCredentials(values[DAC], values[PAI], values[PRIVATE], values[PUBLIC])
    for platform in (matter_platform("wba", 0), WBA_TFM):
        factory = Factory(platform)
        factory.pki = example.pki
        # FACTORYDATA_Write: a device that has credentials gets no others.
        for status in (0, 1):
            factory.lines.clear()
            assert factory.provision(development=built_in) == status
            assert factory.lines == [b"Start_provisioning", b"finish:%03d" % status]
        assert is_whole(factory)
    stranger = replace(built_in, private_key=bytes(31) + b"\1")
    factory = Factory(matter_platform("wba", 0))
    assert factory.provision(development=stranger) == KEY_STORE_FAILED, "it would sign with another key"


@pytest.mark.parametrize(
    "platform, step", [(WBA_TFM, 4), (matter_platform("wb55"), 5), (matter_platform("wba", 1), 4)]
)
def test_power_cuts(platform: MatterPlatform, step: int) -> None:
    """Power goes away at every ``step``-th write or erase; the next try ends with a whole device.

    The factory writes the factory data again where the cut has taken them.
    """
    number, outcomes = 1 - step, set()
    while True:
        number += step
        factory = Factory(platform)
        mode = ("before", "torn", "after")[number % 3]
        factory.device.cut_power(f"{factory.device.hardware.power.operations + number}:{mode}")
        try:
            factory.provision()
        except PowerCut:
            pass
        else:
            break
        factory.device.power_on()
        factory.join()
        status = factory.provision()
        outcomes.add(int(status))
        if status:
            assert status == link.ProvisioningStatus.DATA_NOT_FOUND
            factory.write_factory_data(BEFORE_PROVISIONING)
            assert factory.provision() == 0
        assert is_whole(factory)
    assert number > 4
    assert outcomes == {0, 1}
