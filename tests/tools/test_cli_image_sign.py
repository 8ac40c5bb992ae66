"""`tfm-sim image sign`: images that imgtool verifies and that boot here, or one clear line."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from support.command_line import CommandLine

from tfm_sim.bootloader.config import Bl2Config, KeyMode, SignatureType, UpgradeStrategy
from tfm_sim.bootloader.encryption_key import load_encryption_key
from tfm_sim.bootloader.inspect import ImageReport, inspect_image
from tfm_sim.bootloader.keys import load_public_key, public_key_encoding
from tfm_sim.build import Build
from tfm_sim.device import Device
from tfm_sim.interface.mcuboot.image import ImageFlag
from tfm_sim.interface.mcuboot.tlv import TlvType
from tfm_sim.interface.mcuboot.trailer import Flag, Magic
from tfm_sim.tools.demo_firmware import SECURE_IMAGE

KEYS = Path(__file__).parent.parent / "data" / "recordings" / "mcuboot"
KEY = KEYS / "key_p256.pem"
RSA_KEY = KEYS / "key_rsa2048.pem"
PAYLOAD = (0x38000800).to_bytes(4, "little") + (0x10080401).to_bytes(4, "little") + bytes(range(250)) * 8
NOT_SECURE = "warning: signed with one of TF-M's dummy keys, which everybody has: this image is NOT SECURE\n"


@pytest.fixture
def tfm_sim(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> CommandLine:
    monkeypatch.chdir(tmp_path)
    Path("fw.bin").write_bytes(PAYLOAD)
    return CommandLine(monkeypatch, capsys)


def sign(tfm_sim: CommandLine, *options: object) -> ImageReport:
    assert tfm_sim("image", "sign", "fw.bin", "-o", "out.bin", *options) == 0, tfm_sim.err
    return inspect_image(Path("out.bin").read_bytes())


def verified(key: Path) -> bool:
    command = [sys.executable, "-m", "imgtool.main", "verify", "--key", str(key), "out.bin"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize(
    ("image", "sw_type", "other"), [(0, "SPE", 1), (1, "NSPE", 0)], ids=["secure", "non-secure"]
)
def test_without_words_it_signs_as_tf_m_does(
    image: int, sw_type: str, other: int, tfm_sim: CommandLine
) -> None:
    """TF-M: whole key, header 0x400, counter 1, a dependency, a boot record, a padded slot of AN521."""
    report = sign(tfm_sim, "--image", image, "--key", KEY, "--version", "1.2.3+4")
    assert verified(KEY)
    assert (report.size, report.header.hdr_size, str(report.header.version)) == (0x80000, 0x400, "1.2.3+4")
    assert [tlv.tlv.type for tlv in report.tlvs] == [
        TlvType.SEC_CNT, TlvType.BOOT_RECORD, TlvType.DEPENDENCY, TlvType.SHA256, TlvType.PUBKEY,
        TlvType.ECDSA_SIG,
    ]  # fmt: skip
    counter, record, dependency = (tlv.meaning for tlv in report.tlvs[:3])
    assert counter == 1
    assert isinstance(record, dict) and record["sw_type"] == sw_type
    assert dependency == {"image": other, "min_version": "0.0.0+0"}
    assert report.trailer is not None and report.trailer.magic is Magic.GOOD
    assert tfm_sim.err == ""
    assert tfm_sim.out == (
        f"out.bin: image {image} of an521 for OVERWRITE_ONLY, version 1.2.3+4, 524288 bytes\n"
    )


def test_one_image_is_both(tfm_sim: CommandLine) -> None:
    report = sign(tfm_sim, "--board", "an521_single_image", "--key", KEY)
    assert [tlv.meaning for tlv in report.tlvs if tlv.tlv.type == TlvType.DEPENDENCY] == []
    record = next(tlv.meaning for tlv in report.tlvs if tlv.tlv.type == TlvType.BOOT_RECORD)
    assert isinstance(record, dict) and record["sw_type"] == "NSPE_SPE"


@pytest.mark.parametrize("image", [0, 1])
def test_dummy_keys_boot_an_unprovisioned_device_and_say_not_secure(image: int, tfm_sim: CommandLine) -> None:
    """Both by name and by what they are: TF-M's dummy ROTPKs are of these keys."""
    sign(tfm_sim, "--image", image, "--dummy-key", "--version", "3.0.0")
    assert tfm_sim.err == NOT_SECURE
    key = SECURE_IMAGE.parent.parent / "keys"
    name = "root-EC-P256_1.pem" if image else "root-EC-P256.pem"
    sign(tfm_sim, "--image", image, "--key", key / name, "--version", "3.0.0")
    assert tfm_sim.err == NOT_SECURE
    options = ("--ns-image", "--secure-image")
    assert tfm_sim("boot", options[image == 0], "out.bin", "--json") == 0
    slots = json.loads(tfm_sim.out)["slots"]
    assert [s["version"] for s in slots if (s["image"], s["slot"]) == (image, "primary")] == ["3.0.0+0"]


@pytest.mark.parametrize(
    ("options", "magic", "image_ok"),
    [
        (["--no-pad"], None, None),
        ([], Magic.GOOD, Flag.UNSET),
        (["--confirm"], Magic.GOOD, Flag.UNSET),  # OVERWRITE_ONLY has no flags
        (["--strategy", "SWAP_USING_MOVE"], Magic.GOOD, Flag.UNSET),
        (["--strategy", "SWAP_USING_SCRATCH", "--confirm"], Magic.GOOD, Flag.SET),
        (["--strategy", "DIRECT_XIP+REVERT", "--confirm"], Magic.GOOD, Flag.SET),
    ],
)
def test_the_trailer_is_the_strategys(
    options: list[str], magic: Magic | None, image_ok: Flag | None, tfm_sim: CommandLine
) -> None:
    report = sign(tfm_sim, "--key", KEY, *options)
    assert verified(KEY)
    trailer = report.trailer
    assert (trailer and trailer.magic, trailer and trailer.image_ok) == (magic, image_ok)


def test_info_shows_every_field_of_a_trailer(tfm_sim: CommandLine) -> None:
    """MCUboot boot_trailer_sz, from the slot's end: with encryption there is a cell for each slot's key."""
    options = ("--strategy", "SWAP_USING_MOVE", "--confirm", "--encrypt", KEYS / "key_enc_p256_pub.pem")
    report = sign(tfm_sim, "--key", KEY, *options)
    assert [(field.cell.name, 0x80000 - field.cell.offset) for field in report.trailer_cells] == [
        ("swap status", 464), ("key 1", 80), ("key 0", 64), ("swap_size", 48), ("swap_info", 40),
        ("copy_done", 32), ("image_ok", 24), ("magic", 16),
    ]  # fmt: skip
    assert tfm_sim("image", "info", "out.bin") == 0
    assert "  0x7ffe8 image_ok     01ffffffffffffff\n" in tfm_sim.out
    assert "  0x7fe30 swap status  erased, 384 bytes\n" in tfm_sim.out
    assert tfm_sim("image", "info", "out.bin", "--json") == 0
    fields = {field["name"]: field["value"] for field in json.loads(tfm_sim.out)["trailer"]["fields"]}
    assert fields["magic"] == "77c295f360d2ef7f3552500f2cb67980" and fields["copy_done"] is None


@pytest.mark.parametrize(
    ("options", "flag", "address"),
    [
        (["--strategy", "DIRECT_XIP"], ImageFlag.ROM_FIXED, 0x80000),
        (["--strategy", "DIRECT_XIP", "--slot", "secondary"], ImageFlag.ROM_FIXED, 0x180000),
        (["--strategy", "RAM_LOAD", "--load-addr", "0x38010000"], ImageFlag.RAM_LOAD, 0x38010000),
    ],
)
def test_the_address_is_the_strategys(
    options: list[str], flag: ImageFlag, address: int, tfm_sim: CommandLine
) -> None:
    header = sign(tfm_sim, "--key", KEY, *options).header
    assert (header.flags, header.load_addr) == (flag, address)


def test_every_fact_can_be_another_one(tfm_sim: CommandLine) -> None:
    report = sign(
        tfm_sim, "--key", RSA_KEY, "--public-key-format", "hash", "--security-counter", "auto",
        "--version", "1.2.3", "--dependencies", "(1, 2.0.0+0), (2, 1.0.0+0)", "--boot-record", "MINE",
        "--custom-tlv", "0x00a1", "0x0102", "--custom-tlv", "0x00a2", "text", "--vid", "arm.com",
        "--cid", "board", "--header-size", "0x80", "--align", "16", "--slot-size", "0x4000",
    )  # fmt: skip
    assert verified(RSA_KEY)
    meanings = {tlv.tlv.name: tlv.meaning or tlv.value.hex() for tlv in report.tlvs}
    assert meanings["SEC_CNT"] == 0x01020003
    assert (meanings["0x00a1"], meanings["0x00a2"]) == ("0102", b"text".hex())
    assert meanings["UUID_VID"] == "fa6b4a53-d5ad-5fdf-be9d-e663e4d41ffe"
    assert "UUID_CID" in meanings and "KEYHASH" in meanings
    assert [tlv.tlv.type for tlv in report.tlvs].count(TlvType.DEPENDENCY) == 2
    assert (report.size, report.header.hdr_size, report.trailer_align) == (0x4000, 0x80, 16)


def test_bare(tfm_sim: CommandLine) -> None:
    report = sign(
        tfm_sim, "--key", KEY, "--no-boot-record", "--dependencies", "", "--no-pad", "--", "--sha", "256"
    )
    assert [tlv.tlv.name for tlv in report.tlvs] == ["SEC_CNT", "SHA256", "PUBKEY", "ECDSA_SIG"]


@pytest.mark.parametrize(
    ("key", "enc", "options", "wrapping"),
    [
        ("key_p256", "key_enc_p256", [], "ECIES over P-256, an AES key of 128 bits"),
        (
            "key_p256",
            "key_enc_p256_pub",
            ["--encrypt-keylen", "256"],
            "ECIES over P-256, an AES key of 256 bits",
        ),
        ("key_rsa2048", "key_enc_rsa2048_pub", [], "RSA-OAEP for a key of 2048 bits, an AES key of 128 bits"),
        (
            "key_ed25519",
            "key_enc_x25519_pub",
            ["--hmac-sha", "512"],
            "ECIES over X25519 with SHA-512, an AES",
        ),
    ],
)
def test_encrypted_images_can_be_read_with_the_private_key(
    key: str, enc: str, options: list[str], wrapping: str, tfm_sim: CommandLine
) -> None:
    report = sign(tfm_sim, "--key", KEYS / f"{key}.pem", "--encrypt", KEYS / f"{enc}.pem", *options)
    assert report.encryption is not None
    assert report.encryption.wrappings[0].startswith(wrapping)
    assert (report.encryption.state, report.digests[0].matches) == ("unknown", None)
    private = KEYS / f"{enc.removesuffix('_pub')}.pem"
    read = inspect_image(Path("out.bin").read_bytes(), load_encryption_key(private))
    assert read.encryption is not None
    assert (read.encryption.state, read.digests[0].matches) == ("encrypted", True)
    assert tfm_sim("image", "info", "out.bin", "--decrypt-key", private) == 0
    assert f"encryption: {wrapping}" in tfm_sim.out
    assert "digest SHA256 matches" in tfm_sim.out


def test_a_factory_image_is_plain_under_its_flag(tfm_sim: CommandLine) -> None:
    report = sign(tfm_sim, "--key", KEY, "--encrypt", KEYS / "key_enc_p256_pub.pem", "--clear")
    assert report.encryption is not None and report.encryption.state == "plain"
    assert report.digests[0].matches


@pytest.mark.parametrize("compression", ["lzma2", "lzma2armthumb"])
def test_compressed_images_tell_what_is_inside(compression: str, tfm_sim: CommandLine) -> None:
    report = sign(tfm_sim, "--key", KEY, "--compression", compression)
    assert verified(KEY)
    assert report.compression is not None
    assert (report.compression.plain_size, report.compression.matches) == (len(PAYLOAD), True)
    assert tfm_sim("image", "info", "out.bin") == 0
    assert "digest DECOMP_SHA matches the decompressed image" in tfm_sim.out


def test_what_does_not_compress_stays_plain_and_says_so(tfm_sim: CommandLine) -> None:
    Path("fw.bin").write_bytes(PAYLOAD[:200])
    report = sign(tfm_sim, "--key", KEY, "--compression", "lzma2")
    assert report.compression is None
    assert tfm_sim.err == "warning: not compressed: imgtool found that it would not become smaller\n"


def test_signed_images_upgrade_an_encrypting_device(tfm_sim: CommandLine) -> None:
    """From the command line to the boot: a new secure image, encrypted for the loader of that device."""
    keys = tuple(
        public_key_encoding(load_public_key(KEYS / name))
        for name in ("key_p256_pub.pem", "key_p256_other_pub.pem")
    )
    encryption, private = load_encryption_key(KEYS / "key_enc_p256.pem")
    config = Bl2Config(
        signature_type=SignatureType.EC_P256,
        key_mode=KeyMode.KEYHASH,
        keys=keys,
        strategy=UpgradeStrategy.OVERWRITE_ONLY,
        encryption=encryption,
        encryption_key=private,
    )
    common = ("--key", KEY, "--public-key-format", "hash")
    sign(tfm_sim, *common, "--version", "1.0.0")
    old = Path("out.bin").read_bytes()
    sign(tfm_sim, *common, "--image", 1, "--version", "1.0.0")
    ns = Path("out.bin").read_bytes()
    sign(tfm_sim, *common, "--version", "2.0.0", "--encrypt", KEYS / "key_enc_p256_pub.pem")
    new = Path("out.bin").read_bytes()
    with Device("an521", build=Build(bl2=config)) as device:
        device.flash_image(0, old)
        device.flash_image(1, ns)
        device.flash_image(0, new, "secondary")
        device.power_on()
        assert device.hardware.slot(0, "primary").read(0x400, len(PAYLOAD)) == PAYLOAD
        assert device.boot_outcome is not None
        assert [str(image.version) for image in device.boot_outcome.images] == ["1.0.0+0", "2.0.0+0"]


@pytest.mark.parametrize(
    ("signing", "booting"),
    [
        (["--encrypt", KEYS / "key_enc_p256_pub.pem"], ["--enc-key", KEYS / "key_enc_p256.pem"]),
        (
            ["--encrypt", KEYS / "key_enc_p256_pub.pem", "--encrypt-keylen", "256", "--compression", "lzma2"],
            ["--enc-key", KEYS / "key_enc_p256.pem", "--enc-keylen", "256", "--decompress"],
        ),
    ],
    ids=["encrypted", "both"],
)
def test_boot_takes_such_updates_where_it_is_told_how(
    signing: list[object], booting: list[object], tfm_sim: CommandLine
) -> None:
    report = sign(tfm_sim, "--dummy-key", "--version", "3.0.0", *signing)
    assert report.encryption is not None
    assert tfm_sim("boot", "--secure-update", "out.bin", "--json", *booting) == 0
    assert json.loads(tfm_sim.out)["slots"][0]["version"] == "3.0.0+0"
    assert tfm_sim("boot", "--secure-update", "out.bin", "--json") == 0
    told = json.loads(tfm_sim.out)
    assert told["slots"][0]["version"] == "1.0.0+0", "the demo firmware goes on"
    assert "built without encryption" in json.dumps(told["decisions"])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "a key to sign with: either --key PEM, or --dummy-key (NOT SECURE)"),
        (["--key", KEY, "--dummy-key"], "a key to sign with: either --key PEM, or --dummy-key"),
        (["--key", KEY, "--image", "2"], "--image 2; legal: 0 to 1 on an521"),
        (["--key", KEY, "--header-size", "0x10"], "--header-size 0x10; legal: 0x20 to 0xffff"),
        (["--key", KEY, "--strategy", "RAM_LOAD"], "--strategy RAM_LOAD needs --load-addr ADDRESS"),
        (["--key", KEY, "--load-addr", "0x38000000"], "--load-addr: only with --strategy RAM_LOAD"),
        (["--key", KEY, "--no-pad", "--confirm"], "--confirm with --no-pad"),
        (["--key", KEY, "--no-boot-record", "--boot-record", "X"], "--boot-record with --no-boot-record"),
        (["--key", KEY, "--boot-record", ""], "--boot-record: found an empty value"),
        (["--key", KEY, "--vid", ""], "--vid: found an empty value"),
        (["--key", KEY, "--clear"], "--clear: only with --encrypt"),
        (["--key", KEY, "--save-enctlv"], "--save-enctlv: only with --encrypt"),
        (["--key", KEY, "--encrypt", KEY, "--strategy", "DIRECT_XIP"], "--encrypt with DIRECT_XIP"),
        (["--key", KEY, "--compression", "lzma2", "--strategy", "DIRECT_XIP"], "--compression with DIRECT"),
        (["--key", KEY, "--custom-tlv", "x", "y"], "--custom-tlv x; legal: 0x00a0 to 0xfffe"),
        (["--key", KEY, "--custom-tlv", "0x50", "y"], "--custom-tlv 0x50; legal: 0x00a0"),
        (["--key", KEY, "--custom-tlv", "0x150", "y"], "--custom-tlv 0x150; legal: 0x00a0"),
        (["--key", KEY, "-o", "fw.bin"], "-o fw.bin would overwrite FW; legal: another file"),
    ],
)  # fmt: skip
def test_options_that_do_not_fit(options: list[object], said: str, tfm_sim: CommandLine) -> None:
    assert tfm_sim("image", "sign", "fw.bin", "-o", "out.bin", *options) == 2
    assert said in tfm_sim.err and "Traceback" not in tfm_sim.err
    assert not Path("out.bin").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--key", "none.pem"], "none.pem: cannot read the key: No such file or directory"),
        (["--key", KEYS / "key_p256_pub.pem"], "key_p256_pub.pem: a public key; legal: the private key"),
        (["--key", KEYS / "key_enc_x25519.pem"], "found X25519PublicKey; legal: RSA, EC or Ed25519"),
        (["--key", "fw.bin"], "fw.bin: not a PEM key; legal: a public or private one without password"),
        (["--key", KEY, "--encrypt", "fw.bin"], "fw.bin: not a PEM key; legal: one without password"),
        (["--key", KEY, "--encrypt", RSA_KEY], "found RSAPublicKey; legal: P-256"),
        (["--key", RSA_KEY, "--encrypt", KEY], "found ECPublicKey; legal: RSA-2048"),
        (["--key", KEY, "--encrypt", "kek"], "kek: a raw key of 16 bytes; legal: RSA-2048, P-256 or X"),
        (["--key", KEY, "--encrypt", "none.pem"], "none.pem: No such file or directory"),
        (["--key", KEY, "--version", "x"], "imgtool sign failed: Invalid value for '-v' / '--version'"),
        (["--key", KEY, "--version", "256.0.0"], "imgtool sign failed: a number does not fit its field"),
        (["--key", KEY, "--security-counter", "-1"], "imgtool sign failed: a number does not fit its field"),
        (["--key", KEY, "--dependencies", "foo"], "imgtool sign failed: Invalid value for '-d'"),
        (["--key", KEY, "--slot-size", "0x800"], "imgtool sign failed: Image size"),
        (["--key", KEY, "--boot-record", "more than twelve"], "imgtool sign failed: 'more than"),
        (["--key", KEY, "--encrypt", KEYS / "key_p384.pem"], "found ECPublicKey; legal: P-256, as of"),
        (["--key", KEY, "--", "--nonsense"], "imgtool sign failed: No such option"),
        (["--key", KEY, "--board", "none"], "none"),
    ],
)  # fmt: skip
def test_files_and_facts_that_do_not_fit(options: list[object], said: str, tfm_sim: CommandLine) -> None:
    Path("kek").write_bytes(bytes(16))
    assert tfm_sim("image", "sign", "fw.bin", "-o", "out.bin", *options) not in (0, 2)
    assert said in tfm_sim.err and "Traceback" not in tfm_sim.err
    assert tfm_sim.err.count("\n") == 1
    assert not Path("out.bin").exists()


def test_nothing_cannot_be_signed(tfm_sim: CommandLine) -> None:
    Path("fw.bin").write_bytes(b"")
    assert tfm_sim("image", "sign", "fw.bin", "-o", "out.bin", "--key", KEY) == 4
    assert tfm_sim.err == "tfm-sim: fw.bin: empty; legal: an ELF file or a flat binary\n"


def test_a_padded_candidate_of_swap_using_offset_is_warned_of(tfm_sim: CommandLine) -> None:
    sign(tfm_sim, "--key", KEY, "--strategy", "SWAP_USING_OFFSET")
    assert "a candidate of SWAP_USING_OFFSET begins one sector up" in tfm_sim.err
    sign(tfm_sim, "--key", KEY, "--strategy", "SWAP_USING_OFFSET", "--no-pad")
    assert tfm_sim.err == ""


def test_an_elf_file_becomes_the_image_of_its_sections(tfm_sim: CommandLine) -> None:
    firmware = SECURE_IMAGE.parent.parent / "firmware" / "secure.elf"
    assert tfm_sim("image", "sign", firmware, "-o", "out.bin", "--key", KEY) == 0
    assert verified(KEY)
    demo, made = SECURE_IMAGE.read_bytes(), Path("out.bin").read_bytes()
    size = inspect_image(made).header.img_size
    assert made[0x400 : 0x400 + size] == demo[0x400 : 0x400 + size]
