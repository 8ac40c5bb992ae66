"""`tfm-sim image sign`: imgtool with the options that TF-M's build would give it for one of our boards."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar, cast

import click
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from ...bootloader.config import HashAlgorithm, UpgradeStrategy
from ...bootloader.elf import elf_to_flat
from ...bootloader.inspect import inspect_image
from ...bootloader.keys import KeyFileError, key_hash, load_public_key, public_key_encoding
from ...interface.mcuboot.image import IMAGE_HEADER_SIZE
from ...platform.board import Board, SlotName, load_board
from ...platform.provisioning import DUMMY_ROTPKS
from .image import NUMBER, vector_warnings
from .imgtool import imgtool_sign
from .output import FILE_NAME, MAX_IMAGE, STDIN, FileUnreadable, display, read_file, write_file

Command = TypeVar("Command", bound=Callable[..., Any])
ELF_MAGIC: Final = b"\x7fELF"
DUMMY_KEYS: Final = Path(__file__).parent.parent / "demo" / "keys"
DUMMY_KEY_FILES: Final = ("root-EC-P256.pem", "root-EC-P256_1.pem")
NOT_SECURE: Final = "signed with one of TF-M's dummy keys, which everybody has: this image is NOT SECURE"
XIP: Final = (UpgradeStrategy.DIRECT_XIP, UpgradeStrategy.DIRECT_XIP_REVERT)
SW_TYPES: Final = {0: "SPE", 1: "NSPE"}
BOTH: Final = "NSPE_SPE"
VENDOR_TAG: Final = 0xA0
"""The lowest vendor TLV; others have this or more in their low byte."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """The options of `image sign`, as they were given."""

    board: Board
    image: int
    slot: SlotName
    strategy: UpgradeStrategy
    key: Path
    image_version: str
    security_counter: str
    header_size: int
    slot_size: int | None
    align: str | None
    public_key_format: str
    boot_record: str | None
    record: bool
    dependencies: str | None
    pad: bool
    confirm: bool
    encrypt: str | None
    encrypt_keylen: str
    hmac_sha: str
    clear: bool
    save_enctlv: bool
    compression: str
    custom_tlvs: Sequence[tuple[str, str]]
    vid: str | None
    cid: str | None
    load_addr: int | None


def _options(*options: Callable[[Any], Any]) -> Callable[[Command], Command]:
    def add(command: Command) -> Command:
        made: Any = command
        for option in reversed(options):
            made = option(made)
        return cast(Command, made)

    return add


_WHERE = _options(
    click.option(
        "--board",
        "board_name",
        type=FILE_NAME,
        default="an521",
        show_default=True,
        metavar="BOARD",
        help="Whose slot it is for: a packaged board, or a YAML file.",
    ),
    click.option(
        "--image",
        "image_index",
        type=click.IntRange(min=0),
        default=0,
        show_default=True,
        help="Image index: 0 secure, 1 non-secure.",
    ),
    click.option(
        "--strategy",
        "strategy_name",
        type=click.Choice([strategy.value for strategy in UpgradeStrategy]),
        default=UpgradeStrategy.OVERWRITE_ONLY.value,
        show_default=True,
        help="Upgrade strategy of the boot loader: it decides the trailer and the load address.",
    ),
    click.option(
        "--slot",
        type=click.Choice(["primary", "secondary"]),
        default="primary",
        show_default=True,
        help="For DIRECT_XIP: the slot that the image is linked for.",
    ),
    click.option("--slot-size", type=NUMBER, help="In bytes, in place of the board's."),
    click.option("--header-size", type=NUMBER, default=0x400, show_default="0x400", help="In bytes."),
    click.option(
        "--align",
        type=click.Choice(["1", "2", "4", "8", "16", "32"]),
        help="Write block of the flash, in place of the board's.",
    ),
    click.option("--load-addr", type=NUMBER, help="For RAM_LOAD: the address that the image is linked for."),
)
_KEYS = _options(
    click.option("-k", "--key", type=FILE_NAME, metavar="PEM", help="Private key to sign with."),
    click.option(
        "--dummy-key", is_flag=True, help="Sign with TF-M's dummy P-256 key of that image index (NOT SECURE)."
    ),
    click.option(
        "--public-key-format",
        type=click.Choice(["full", "hash"]),
        default="full",
        show_default=True,
        help="Whole key (TF-M's HW_KEY) or its hash in the image.",
    ),
)
_FACTS = _options(
    click.option("--version", "image_version", default="0.0.0", show_default=True, metavar="M.m.r+b"),
    click.option(
        "--security-counter", default="1", show_default=True, metavar="N", help="A number, or auto."
    ),
    click.option(
        "--dependencies",
        metavar='"(ID,VERSION),..."',
        help='Versions needed of other images; each of two needs the other, at least 0.0.0; "" is none.',
    ),
    click.option(
        "--boot-record", metavar="TYPE", help="Software type of the boot record, in place of SPE or NSPE."
    ),
    click.option("--no-boot-record", "record", flag_value=False, default=True, help="No boot record."),
    click.option(
        "--custom-tlv",
        "custom_tlvs",
        nargs=2,
        multiple=True,
        metavar="TAG VALUE",
        help="A protected TLV: a number from 0x00a0, and text or 0x and hex digits.",
    ),
    click.option("--vid", metavar="UUID|DOMAIN", help="Vendor that the device must be of."),
    click.option("--cid", metavar="UUID|CLASS", help="Class that the device must be of."),
)
_FORM = _options(
    click.option(
        "--pad/--no-pad",
        default=True,
        show_default=True,
        help="Fill up to the slot size and add the trailer magic, which asks for an upgrade.",
    ),
    click.option("--confirm", is_flag=True, help="Mark the image as confirmed, too."),
    click.option(
        "--encrypt", type=FILE_NAME, metavar="PEM", help="Encrypt for this key (RSA-2048, P-256, X25519)."
    ),
    click.option(
        "--encrypt-keylen", type=click.Choice(["128", "256"]), default="128", show_default=True, help="Bits."
    ),
    click.option(
        "--hmac-sha",
        type=click.Choice(["auto", "256", "512"]),
        default="auto",
        show_default=True,
        help="Hash of the key exchange with X25519.",
    ),
    click.option(
        "--clear", is_flag=True, help="With --encrypt: leave the payload plain, for the primary slot."
    ),
    click.option("--save-enctlv", is_flag=True, help="The trailer keeps the wrapped key."),
    click.option(
        "--compression",
        type=click.Choice(["disabled", "lzma2", "lzma2armthumb"]),
        default="disabled",
        show_default=True,
    ),
)


@click.command()
@click.argument("file", type=FILE_NAME, metavar="FW")
@click.option(
    "-o",
    "--output",
    type=FILE_NAME,
    required=True,
    metavar="OUT",
    help="File to write; - is standard output.",
)
@_WHERE
@_KEYS
@_FACTS
@_FORM
@click.argument("imgtool_options", nargs=-1, metavar="[-- IMGTOOL_OPTION...]")
def sign(
    file: str,
    output: str,
    board_name: str,
    image_index: int,
    strategy_name: str,
    key: str | None,
    dummy_key: bool,
    imgtool_options: tuple[str, ...],
    **given: Any,
) -> None:
    """Have imgtool sign FW, an ELF file or a flat binary, as TF-M's build signs the images of a board.

    Without other words: two images, OVERWRITE_ONLY, the whole key in the image, security counter 1, a boot
    record, a padded slot.
    """
    board = load_board(board_name)
    if image_index >= board.image_count:
        raise click.UsageError(f"--image {image_index}; legal: 0 to {board.image_count - 1} on {board.name}")
    signing_key = _signing_key(key, dummy_key, image_index)
    wanted = Wanted(
        board=board,
        image=image_index,
        strategy=UpgradeStrategy(strategy_name),
        key=signing_key,
        **given,
    )
    _check(wanted, output, file)
    data = read_file(file, MAX_IMAGE)
    if not data:
        raise FileUnreadable(f"{display(file)}: empty; legal: an ELF file or a flat binary")
    flat = elf_to_flat(data, display(file)) if data.startswith(ELF_MAGIC) else None
    image = imgtool_sign(data if flat is None else flat.data, [*_arguments(wanted), *imgtool_options])
    write_file(output, image)
    for warning in (*(vector_warnings(flat) if flat else ()), *_warnings(wanted, image)):
        click.echo(f"warning: {warning}", err=True)
    what = f"image {image_index} of {board.name} for {strategy_name}"
    name, to_stderr = ("standard output", True) if output == STDIN else (output, False)
    version = inspect_image(image).header.version
    click.echo(f"{name}: {what}, version {version}, {len(image)} bytes", err=to_stderr)


def _signing_key(key: str | None, dummy: bool, image: int) -> Path:
    if (key is None) is not dummy:
        raise click.UsageError("a key to sign with: either --key PEM, or --dummy-key (NOT SECURE)")
    if key is not None:
        return Path(key)
    return DUMMY_KEYS / DUMMY_KEY_FILES[min(image, 1)]


def _check(wanted: Wanted, output: str, file: str) -> None:
    """What imgtool would take and no boot loader would, or would say less clearly."""
    for name, needed in (("FW", file), ("--key", str(wanted.key)), ("--encrypt", wanted.encrypt)):
        if needed is not None and output != STDIN and os.path.realpath(output) == os.path.realpath(needed):
            raise click.UsageError(f"-o {output} would overwrite {name}; legal: another file")
    if not IMAGE_HEADER_SIZE <= wanted.header_size <= 0xFFFF:
        raise click.UsageError(f"--header-size {wanted.header_size:#x}; legal: 0x20 to 0xffff")
    load_public_key(wanted.key)
    if b"PRIVATE KEY" not in read_file(wanted.key):
        raise KeyFileError(f"{wanted.key}: a public key; legal: the private key, which signs")
    ram_load = wanted.strategy.loads_to_ram
    if ram_load and not wanted.load_addr:
        raise click.UsageError("--strategy RAM_LOAD needs --load-addr ADDRESS; legal: any but 0")
    if wanted.load_addr is not None and not ram_load:
        raise click.UsageError("--load-addr: only with --strategy RAM_LOAD")
    if wanted.confirm and not wanted.pad:
        raise click.UsageError("--confirm with --no-pad; legal: --confirm with a padded slot")
    if wanted.compression != "disabled" and wanted.strategy is not UpgradeStrategy.OVERWRITE_ONLY:
        raise click.UsageError(
            f"--compression with {wanted.strategy.value}; legal: OVERWRITE_ONLY, which alone decompresses"
        )
    _check_facts(wanted)
    _check_encryption(wanted)


def _check_facts(wanted: Wanted) -> None:
    facts = {"--vid": wanted.vid, "--cid": wanted.cid, "--boot-record": wanted.boot_record}
    if wanted.boot_record is not None and not wanted.record:
        raise click.UsageError("--boot-record with --no-boot-record; legal: one of the two")
    for option, value in facts.items():
        if value == "":
            raise click.UsageError(f"{option}: found an empty value; legal: a text")
    for tag, _value in wanted.custom_tlvs:
        try:
            legal = int(tag, 0) & 0xFF >= VENDOR_TAG and VENDOR_TAG <= int(tag, 0) <= 0xFFFE
        except ValueError:
            legal = False
        if not legal:
            raise click.UsageError(f"--custom-tlv {tag}; legal: 0x00a0 to 0xfffe, the low byte from 0xa0")


def _check_encryption(wanted: Wanted) -> None:
    if wanted.encrypt is None:
        for option, given in (("--clear", wanted.clear), ("--save-enctlv", wanted.save_enctlv)):
            if given:
                raise click.UsageError(f"{option}: only with --encrypt")
        return
    if wanted.strategy in XIP:
        raise click.UsageError(
            f"--encrypt with {wanted.strategy.value}; legal: a strategy that copies or loads the image"
        )
    data = read_file(wanted.encrypt)
    if len(data) in (16, 32):
        raise KeyFileError(
            f"{wanted.encrypt}: a raw key of {len(data)} bytes; legal: RSA-2048, P-256 or X25519, "
            "for imgtool knows no AES key wrap"
        )
    try:
        key = (
            load_pem_private_key(data, None).public_key()
            if b"PRIVATE KEY" in data
            else load_pem_public_key(data)
        )
    except (ValueError, TypeError) as error:
        raise KeyFileError(f"{wanted.encrypt}: not a PEM key; legal: one without password") from error
    _check_pair(wanted, key)


def _check_pair(wanted: Wanted, encryption_key: object) -> None:
    """imgtool sign: "must use the same type of key"; only Ed25519 goes with all."""
    match load_public_key(wanted.key):
        case ec.EllipticCurvePublicKey(curve=ec.SECP256R1()):
            curve = getattr(encryption_key, "curve", None)
            fits, legal = isinstance(curve, ec.SECP256R1), "P-256, as of the key that signs"
        case rsa.RSAPublicKey():
            fits, legal = isinstance(encryption_key, rsa.RSAPublicKey), "RSA-2048, for an RSA key signs"
        case ed25519.Ed25519PublicKey():
            return
        case _:
            fits, legal = False, "nothing beside a signing key that is not P-256, RSA or Ed25519"
    if not fits:
        raise KeyFileError(f"{wanted.encrypt}: found {type(encryption_key).__name__}; legal: {legal}")


def _arguments(wanted: Wanted) -> Iterator[str]:
    """Of imgtool sign, as TF-M's bl2/ext/mcuboot/CMakeLists.txt and wrapper.py put them together."""
    board = wanted.board
    slot = board.slot(wanted.image, wanted.slot)
    align = wanted.align or str(min(board.flash_named(slot.flash).write_size, 32))
    yield from ("--key", str(wanted.key), "--public-key-format", wanted.public_key_format)
    yield from ("--version", wanted.image_version, "--security-counter", wanted.security_counter)
    yield from ("--header-size", hex(wanted.header_size), "--pad-header")
    yield from ("--slot-size", hex(wanted.slot_size or slot.size), "--align", align)
    yield from ("--max-align", str(max(8, int(align))))
    if wanted.strategy is UpgradeStrategy.OVERWRITE_ONLY:
        yield "--overwrite-only"
    else:
        yield from ("--max-sectors", str(board.max_image_sectors))
    if wanted.strategy in XIP:
        yield from ("--rom-fixed", hex(slot.offset))
    if wanted.load_addr is not None:
        yield from ("--load-addr", hex(wanted.load_addr))
    yield from _protected(wanted)
    if wanted.pad:
        yield "--pad"
    if wanted.confirm:
        yield "--confirm"
    if wanted.encrypt is not None:
        yield from ("--encrypt", wanted.encrypt, "--encrypt-keylen", wanted.encrypt_keylen)
        yield from ("--hmac-sha", wanted.hmac_sha) if wanted.hmac_sha != "auto" else ()
        yield from ["--clear"] * wanted.clear
        yield from ["--save-enctlv"] * wanted.save_enctlv
    if wanted.compression != "disabled":
        yield from ("--compression", wanted.compression)


def _protected(wanted: Wanted) -> Iterator[str]:
    several = wanted.board.image_count > 1
    dependencies = wanted.dependencies
    if dependencies is None and several and wanted.image in SW_TYPES:
        dependencies = f"({1 - wanted.image},0.0.0+0)"
    if dependencies:
        yield from ("--dependencies", dependencies)
    if wanted.record:
        sw_type = SW_TYPES.get(wanted.image, f"IMAGE_{wanted.image}") if several else BOTH
        yield from ("--boot-record", wanted.boot_record or sw_type)
    for tag, value in wanted.custom_tlvs:
        yield from ("--custom-tlv", tag, value)
    if wanted.vid is not None:
        yield from ("--vid", wanted.vid)
    if wanted.cid is not None:
        yield from ("--cid", wanted.cid)


def _warnings(wanted: Wanted, image: bytes) -> Iterator[str]:
    encoding = public_key_encoding(load_public_key(wanted.key))
    dummies = {rotpk for rotpks in DUMMY_ROTPKS.values() for rotpk in rotpks}
    if any(key_hash(encoding, algorithm) in dummies for algorithm in HashAlgorithm):
        yield NOT_SECURE
    if wanted.compression != "disabled" and not int.from_bytes(image[16:20], "little") & 0xE00:
        yield "not compressed: imgtool found that it would not become smaller"
    if wanted.pad and wanted.strategy is UpgradeStrategy.SWAP_USING_OFFSET:
        yield (
            "a padded slot is for the primary one: a candidate of SWAP_USING_OFFSET begins one sector up in "
            "the secondary slot, sign it with --no-pad"
        )
