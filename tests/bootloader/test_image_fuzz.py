"""PROPERTY: BL2 boots or refuses whatever a slot holds, in its own words, and never boots a changed image."""

from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st
from support.image_builder import P256, ImageParts, area, dependency, sec_cnt
from support.image_compression import Compressed
from support.image_encryption import FOR_EC256, FOR_KW, FOR_X25519, Encrypted

from tfm_sim.bootloader.bl2 import Bl2
from tfm_sim.bootloader.config import TFM_KEY_SLOTS, Bl2Config, KeyMode
from tfm_sim.bootloader.inspect import FileSource, inspect_image
from tfm_sim.bootloader.keys import decode_builtin_key, decode_public_key
from tfm_sim.bootloader.loader import BootRefused
from tfm_sim.bootloader.ports import PRIMARY, SECONDARY, Ports
from tfm_sim.bootloader.signature import verify
from tfm_sim.interface.mcuboot.image import IMAGE_MAGIC, ImageError, ImageHeader
from tfm_sim.interface.mcuboot.tlv import find_protected, iter_tlvs, load_tlv, tlv_areas
from tfm_sim.interface.mcuboot.trailer import boot_img_magic
from tfm_sim.interface.trace import Event, Trace

MakePorts = Callable[..., Ports]

SLOT = 0x2000
QUICK = settings(max_examples=150, deadline=None)
PARTS = ImageParts(protected=[sec_cnt(5), ImageParts().protected[1], dependency(0, 1, 0, 0, 0)])
HASHED = PARTS.hashed()
GOOD = PARTS.with_tlvs(P256.tlvs(PARTS))
HW_KEY = Bl2Config(image_number=1)
CONFIGS = (
    P256.config(),
    P256.config(tlv_allow_list=True, uuid_vid=bytes(16), fwu_boot_data=True),
    HW_KEY,
    Bl2Config(image_number=1, key_mode=KeyMode.BUILTIN_KEY, rollback=False),
    P256.config(image_number=2),
    P256.config(decompression=True, **FOR_EC256.options()),
    P256.config(decompression=True, **FOR_KW.options()),
    P256.config(key_slots=TFM_KEY_SLOTS, counter_limited=True, **FOR_X25519.options()),
    Bl2Config(image_number=1, unsigned=True, decompression=False, tlv_allow_list=True),
)

header_bytes = st.builds(
    lambda sizes, rest: IMAGE_MAGIC.to_bytes(4, "little") + bytes(4) + sizes + rest,
    st.tuples(
        st.sampled_from([0x20, 0x40, 0, 0xFFFF]), st.sampled_from([0, 4, 8, 12, 0xFFFF]), st.integers(0, 96)
    ).map(lambda t: t[0].to_bytes(2, "little") + t[1].to_bytes(2, "little") + t[2].to_bytes(4, "little")),
    st.sampled_from([bytes(16), bytes([0x20]) + bytes(15)]),
)
entries = st.lists(
    st.tuples(
        st.sampled_from([0x01, 0x02, 0x10, 0x11, 0x22, 0x25, 0x40, 0x50, 0x60, 0x74, 0xA0, 0xFFFF]),
        st.binary(max_size=40) | st.sampled_from([bytes(4), bytes(12), bytes(32)]),
    ),
    max_size=6,
)
tlv_areas_bytes = st.builds(
    lambda magics, first, second, junk: area(magics[0], first) + area(magics[1], second) + junk,
    st.sampled_from([(0x6908, 0x6907), (0x6907, 0x6908), (0x6907, 0x6907)]),
    entries,
    entries,
    st.binary(max_size=8),
)
slot_contents = (
    st.binary(max_size=400)
    | st.builds(lambda header, rest: header + rest, header_bytes, st.binary(max_size=200))
    | st.builds(
        lambda header, payload, tlvs: header + payload + tlvs,
        header_bytes,
        st.sampled_from([b"", bytes(32), bytes(64)]),
        tlv_areas_bytes,
    )
)
edits = st.lists(
    st.tuples(st.integers(0, len(GOOD) - 1), st.integers(0, 255)),
    min_size=1,
    max_size=6,
    unique_by=lambda e: e[0],
)


def damaged(changes: list[tuple[int, int]]) -> bytes:
    data = bytearray(GOOD)
    for offset, value in changes:
        data[offset] = value
    return bytes(data)


def with_magic(data: bytes) -> bytes:
    return data.ljust(SLOT - 16, b"\xff") + boot_img_magic()


def events_of(ports: Ports, config: Bl2Config) -> list[Event] | None:
    """What BL2 told while it booted; None where it refused. Anything else is an error of this test."""
    told: list[Event] = []
    trace = Trace()
    trace.listeners.append(told.append)
    try:
        Bl2(ports, config, trace).run()
    except BootRefused as refused:
        assert refused.refusals
        for refusal in refused.refusals:
            assert all((refusal.rule, refusal.check, refusal.found, refusal.wanted))
        return None
    return told


@given(data=slot_contents, config=st.sampled_from(CONFIGS))
@QUICK
def test_anything_in_the_primary_slot(data: bytes, config: Bl2Config, make_ports: MakePorts) -> None:
    ports = make_ports({(0, PRIMARY): data}, images=2)
    assert events_of(ports, config) is None
    assert ports.slot(0, PRIMARY).area.read(0, len(data)) == data, "a refused primary slot is left alone"
    assert ports.security_counter(0) == 4


@given(data=slot_contents, config=st.sampled_from(CONFIGS[:2]))
@QUICK
def test_anything_marked_as_a_candidate(data: bytes, config: Bl2Config, make_ports: MakePorts) -> None:
    contents = {(0, PRIMARY): GOOD, (0, SECONDARY): with_magic(data)}
    ports = make_ports(contents)
    booted = events_of(ports, P256.config()) is not None
    assert booted, "the good primary image still boots"
    assert ports.slot(0, PRIMARY).area.read(0, len(GOOD)) == GOOD


@given(trailer=st.binary(min_size=40, max_size=40))
@QUICK
def test_any_trailers(trailer: bytes, make_ports: MakePorts) -> None:
    ports = make_ports(
        {(0, PRIMARY): GOOD.ljust(SLOT - 40, b"\xff") + trailer, (0, SECONDARY): with_magic(trailer)}
    )
    assert events_of(ports, P256.config()) is not None


@given(changes=edits, secondary=st.booleans())
@QUICK
def test_an_image_changed_in_its_hashed_bytes_never_boots(
    changes: list[tuple[int, int]], secondary: bool, make_ports: MakePorts
) -> None:
    data = damaged(changes)
    contents = {(0, SECONDARY): with_magic(data)} if secondary else {(0, PRIMARY): data}
    ports = make_ports(contents)
    booted = events_of(ports, P256.config()) is not None
    assert data[: len(HASHED)] == HASHED or not booted
    assert data != GOOD or booted


@given(changes=edits, length=st.integers(0, len(GOOD) - 1))
@QUICK
def test_a_truncated_image_never_boots(
    changes: list[tuple[int, int]], length: int, make_ports: MakePorts
) -> None:
    ports = make_ports({(0, PRIMARY): GOOD[:length]})
    assert events_of(ports, P256.config()) is None
    events_of(make_ports({(0, PRIMARY): damaged(changes)[:length]}), P256.config())


@given(data=slot_contents | edits.map(damaged))
@QUICK
def test_readers_raise_image_errors_only(data: bytes) -> None:
    source = FileSource(data)
    header = ImageHeader.decode(data[:32].ljust(32, b"\xff"))
    try:
        for tlv in iter_tlvs(header, source, tlv_areas(header, source)):
            assert len(load_tlv(source, tlv)) == tlv.length
        find_protected(header, source, 0x50)
    except ImageError as error:
        assert all((error.rule, error.check, error.found, error.wanted))
    try:
        report = inspect_image(data)
    except ImageError as error:
        assert error.check == "not an image"
    else:
        assert report.size == len(data)


@given(value=st.binary(max_size=150) | st.builds(lambda n: P256.encoding[:n], st.integers(0, 91)))
@QUICK
def test_keys_and_signatures_of_any_bytes(value: bytes) -> None:
    for config in CONFIGS[:1]:
        decode_public_key(value, config.signature_type)
        decode_builtin_key(value, config.signature_type)
        key = decode_public_key(P256.encoding, config.signature_type)
        assert key is not None
        assert not verify(key, config.image_hash, bytes(32), value)


signed_parts = st.builds(
    ImageParts,
    payload=st.binary(max_size=64),
    version=st.tuples(
        st.integers(0, 255), st.integers(0, 255), st.integers(0, 65535), st.integers(0, 2**32 - 1)
    ),
    flags=st.sampled_from([0, 0x1, 0x20, 0x100, 0x10]) | st.integers(0, 2**32 - 1),
    hdr_size=st.sampled_from([0x20, 0x40, 0x400]),
    protected=entries
    | st.just([sec_cnt(5), PARTS.protected[1]])
    | st.integers(0, 2**32 - 1).map(lambda counter: [sec_cnt(counter), PARTS.protected[1]])
    | entries.map(lambda extra: [sec_cnt(5), PARTS.protected[1], *extra]),
    header=st.fixed_dictionaries(
        {}, optional={"load_addr": st.integers(0, 2**32 - 1), "img_size": st.integers(0, 2**32 - 1)}
    ),
)


@given(parts=signed_parts, extra=entries, candidate=st.booleans())
@settings(max_examples=300, deadline=None)
def test_anything_that_a_trusted_key_has_signed(
    parts: ImageParts, extra: list[tuple[int, bytes]], candidate: bool, make_ports: MakePorts
) -> None:
    """Beyond validation: counter, boot record, dependencies, vector table."""
    image = parts.with_tlvs([*P256.tlvs(parts), *extra])
    contents = {(0, PRIMARY): GOOD, (1, PRIMARY): GOOD}
    contents[(0, SECONDARY) if candidate else (0, PRIMARY)] = with_magic(image) if candidate else image
    ports = make_ports(contents, images=2)
    events_of(ports, P256.config(image_number=2, fwu_boot_data=True, single_boot_go=candidate))
    assert ports.security_counter(0) >= 4


SPECIAL = {
    "encrypted": Encrypted(P256, FOR_EC256).image(),
    "compressed": Compressed(P256).image(),
}
DECRYPT = (FOR_EC256.encryption, FOR_EC256.encoding)


@given(
    name=st.sampled_from(sorted(SPECIAL)),
    damage=st.lists(st.tuples(st.integers(0, 1 << 12), st.integers(0, 255)), max_size=6),
    end=st.integers(0, 1 << 13),
    flags=st.sampled_from([None, 0x04, 0x08, 0x404, 0xC08, 0xE0C]),
)
@QUICK
def test_inspection_of_encrypted_and_compressed_files_raises_image_errors_only(
    name: str, damage: list[tuple[int, int]], end: int, flags: int | None
) -> None:
    data = bytearray(SPECIAL[name])
    for position, value in damage:
        data[position % len(data)] = value
    if flags is not None:
        data[16:20] = flags.to_bytes(4, "little")
    for key in (None, DECRYPT):
        try:
            report = inspect_image(bytes(data[:end]), key)
        except ImageError:
            continue
        assert report.size == len(data[:end])
