"""`tfm-sim image bl2`: an image of BL2 for a board with BL1, signed and encrypted."""

import os
import re
from pathlib import Path

import click

from ...bootloader.bl1_config import Bl1Config, Bl1ConfigError, Bl1Signer
from ...interface.mcuboot.image import ImageVersion
from ...platform.board import BoardError, load_board
from ...platform.provisioning import DUMMY
from ..bl2_image import (
    DEFAULT_SECURITY_COUNTER,
    DEFAULT_VERSION,
    Bl2Key,
    load_bl2_key,
    make_bl2_image,
    public_key_of,
)
from ..lms_key import LEAVES, LmsPrivateKey, dummy_key, new_key
from .output import FILE_NAME, MAX_IMAGE, STDIN, FileUnreadable, display, hex_bytes, read_file, write_file

VECTORS = 8
"""Bytes of a vector table that the jump to BL2 looks at."""
VERSION_LIMITS = (0xFF, 0xFF, 0xFFFF, 0xFFFFFFFF)


def _version(_context: click.Context, _parameter: click.Parameter, value: str) -> ImageVersion:
    match = re.fullmatch(r"(\d{1,10})\.(\d{1,10})\.(\d{1,10})(?:\+(\d{1,10}))?", value, re.ASCII)
    numbers = [int(part or 0) for part in match.groups()] if match else []
    if not numbers or any(n > limit for n, limit in zip(numbers, VERSION_LIMITS, strict=True)):
        raise click.BadParameter(
            f"found {value!r:.40}; legal: MAJOR.MINOR.REVISION[+BUILD] up to 255.255.65535"
        )
    return ImageVersion(*numbers)


@click.command("bl2")
@click.argument("file", type=FILE_NAME, metavar="CODE")
@click.option("--output", "-o", type=FILE_NAME, metavar="FILE", required=True, help="Where the image goes.")
@click.option(
    "--board",
    type=FILE_NAME,
    metavar="BOARD",
    default="an521_bl1",
    show_default=True,
    help="A board with BL1.",
)
@click.option(
    "--key",
    "key_files",
    type=FILE_NAME,
    metavar="KEY",
    multiple=True,
    help="A signing key, one for each ROTPK: an LMS key file (its state is written back), or a P-256 or "
    "P-384 PEM file. None: TF-M's dummy LMS key, NOT SECURE.",
)
@click.option(
    "--encryption-key",
    metavar="HEX",
    callback=hex_bytes,
    help="32 bytes, as in OTP. None: TF-M's dummy key, NOT SECURE.",
)
@click.option("--no-encryption", is_flag=True, help="For a BL1 built without TFM_BL1_2_IMAGE_ENCRYPTION.")
@click.option("--embed-rotpk", is_flag=True, help="The image carries the whole key; OTP holds its hash.")
@click.option(
    "--version", "image_version", default=str(DEFAULT_VERSION), show_default=True, callback=_version
)
@click.option(
    "--security-counter",
    type=click.IntRange(0, 0xFFFFFFFF),
    default=DEFAULT_SECURITY_COUNTER,
    show_default=True,
    help="BL1_2 takes none of 1024 and above where it decrypts.",
)
def bl2_image(
    file: str,
    output: str,
    board: str,
    key_files: tuple[str, ...],
    encryption_key: bytes | None,
    no_encryption: bool,
    embed_rotpk: bool,
    image_version: ImageVersion,
    security_counter: int,
) -> None:
    """Sign and encrypt the flat binary CODE as BL1_2 wants BL2 in flash.

    CODE begins with BL2's vector table and is padded with zeros to the board's size of BL2.
    """
    for name, needed in (("CODE", file), *(("--key", key) for key in key_files)):
        if output != STDIN and os.path.realpath(output) == os.path.realpath(needed):
            raise click.UsageError(f"-o {output} would overwrite {name}; legal: another file")
    if len(set(map(os.path.realpath, key_files))) < len(key_files):
        raise click.UsageError("--key: one file twice; legal: a key of its own for each signer")
    if encryption_key is not None and len(encryption_key) != 32:
        raise click.BadParameter(
            f"found {len(encryption_key)} bytes; legal: 32", param_hint="--encryption-key"
        )
    description = load_board(board)
    if description.bl1 is None:
        raise BoardError(
            f"board {description.name}: has no BL1; legal: an521_bl1, or one with bl1 in its YAML"
        )
    code = read_file(file, MAX_IMAGE)
    if len(code) < VECTORS:
        raise FileUnreadable(
            f"{display(file)}: {len(code)} bytes; legal: {VECTORS} and more, a vector table first"
        )
    keys: list[Bl2Key] = [load_bl2_key(Path(name)) for name in key_files] or [dummy_key()]
    if len(keys) > 4:
        raise Bl1ConfigError(f"BL1: {len(keys)} signers of BL2; legal: 1 to 4")
    config = Bl1Config(
        signers=(Bl1Signer(),) * len(keys), image_encryption=not no_encryption, embed_rotpk=embed_rotpk
    )
    layout = config.image_layout(description.bl1.bl2_code_size)
    image = make_bl2_image(
        code,
        layout,
        keys,
        encryption_key or DUMMY.bl2_encryption_key,
        version=image_version,
        security_counter=security_counter,
    )
    _write_back(key_files, keys)
    write_file(output, image)
    _report(keys, dummy_signer=not key_files, dummy_cipher=encryption_key is None and not no_encryption)


def _write_back(files: tuple[str, ...], keys: list[Bl2Key]) -> None:
    """An LMS key's next leaf, before a signature gets out: two by one leaf give the key away."""
    for name, key in zip(files, keys, strict=False):
        if isinstance(key, LmsPrivateKey):
            write_file(name, key.spent().encode())


def _report(keys: list[Bl2Key], *, dummy_signer: bool, dummy_cipher: bool) -> None:
    if dummy_signer:
        click.echo("signed by TF-M's dummy key, which is published: NOT SECURE", err=True)
    if dummy_cipher:
        click.echo("encrypted by TF-M's dummy key, which is published: NOT SECURE", err=True)
    for index, key in enumerate(keys):
        click.echo(f"BL1_ROTPK_{index}: {public_key_of(key).hex()}", err=True)


@click.command("bl2-key")
@click.argument("file", type=FILE_NAME, metavar="KEY")
def bl2_key(file: str) -> None:
    """Make a key that signs BL2: LMS with SHA-256, 1024 signatures, as TF-M's default BL1 wants it.

    Its tree takes seconds to make and is kept in a file beside KEY. The public key for OTP is printed.
    """
    path = Path(file)
    if path.exists():
        raise click.UsageError(f"{file}: is there already; legal: a new file, for a key lives once")
    key = new_key()
    leaves = key.nodes[len(key.nodes) // 2 :]
    write_file(path.with_suffix(LEAVES), b"".join(leaves))
    write_file(path, key.encode())
    click.echo(public_key_of(key).hex())
