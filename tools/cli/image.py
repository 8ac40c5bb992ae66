"""`tfm-sim image`: look at an MCUboot image, and make one from an ELF file."""

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click
from click.core import ParameterSource

from ...bootloader.elf import FlatImage, elf_to_flat
from ...bootloader.encryption_key import load_encryption_key
from ...bootloader.inspect import CellReport, DigestReport, ImageReport, TlvReport, inspect_image
from ...bootloader.keys import load_public_key
from ...interface.errors import ExitCode, TfmSimError
from ...interface.mcuboot.image import IMAGE_HEADER_SIZE, U32_MAX, ImageError, flag_names
from .imgtool import imgtool_sign
from .lazy import LazyGroup
from .output import FILE_NAME, MAX_IMAGE, STDIN, display, print_lines, read_file, write_file

_STYLES = (
    (r"^\s*(digest \S+ matches.*)", "green"),
    (r"^\s*(problem|warning):", "bold yellow"),
    (r"digest \S+ (does not match|not checked)", "bold red"),
    (r"\b[0-9a-f]{32,}\b", "dim"),
)


class NotAnImageError(TfmSimError):
    """The answer to "what image is this" is: none."""

    exit_code = ExitCode.NO


class _Number(click.ParamType[int]):
    name = "number"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        try:
            return value if isinstance(value, int) else int(str(value), 0)
        except ValueError:
            self.fail(f"found {value!r}; legal: a number like 0x400 or 1024", param, ctx)


NUMBER = _Number()
_FOR_ALL: Final = ("output", "sign", "help")
SMALLEST_SECTOR: Final = 0x800
LONGEST_CELL: Final = 64
"""Bytes of a trailer's field that are shown one by one."""


@click.group(
    cls=LazyGroup,
    homes={
        "bl2": ("bl2_image:bl2_image", "Sign and encrypt a BL2 for a board with BL1."),
        "bl2-key": ("bl2_image:bl2_key", "Make a key that signs BL2."),
        "dump": ("flash:dump", "Show a slot in hex, or write it to a file."),
        "erase": ("flash:erase", "Erase a slot."),
        "flash": ("flash:flash", "Write an image to a slot."),
        "mark": ("flash:mark", "Set the trailer flags of a slot."),
        "sign": ("sign:sign", "Have imgtool sign a firmware."),
    },
)
def image() -> None:
    """Look at MCUboot images and make them."""


@image.command(short_help="Show an image: header, TLVs, digest, trailer.")
@click.argument("file", type=FILE_NAME, metavar="FILE")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
@click.option(
    "--decrypt-key",
    type=FILE_NAME,
    metavar="KEY",
    help="Private key (PEM), or key encryption key (16 or 32 raw bytes), that an encrypted image is for.",
)
def info(file: str, as_json: bool, decrypt_key: str | None) -> None:
    """Show what the image in FILE says: header, flags, every TLV, digest, trailer; what is in an encrypted or
    compressed one.

    - reads standard input. Exit 1 if FILE is no MCUboot image, or if its TLVs cannot be read to the end.
    """
    key = load_encryption_key(Path(decrypt_key)) if decrypt_key is not None else None
    data = read_file(file, MAX_IMAGE)
    try:
        report = inspect_image(data, key)
    except ImageError as error:
        raise NotAnImageError(f"{display(file)}: {error}") from None
    if as_json:
        click.echo(json.dumps(_as_json(report), indent=2))
    else:
        print_lines(_lines(display(file), report), _STYLES)
    if report.problem is not None:
        sys.exit(int(ExitCode.NO))


@image.command("from-elf", short_help="Make the flat binary of an ELF file; --sign signs it.")
@click.argument("file", type=FILE_NAME, metavar="FW.elf")
@click.option(
    "-o",
    "--output",
    type=FILE_NAME,
    required=True,
    metavar="OUT.bin",
    help="File to write; - is standard output.",
)
@click.option("--sign", is_flag=True, help="Have imgtool sign the binary; the options below are for this.")
@click.option("-k", "--key", type=FILE_NAME, metavar="PEM", help="Private key to sign with.")
@click.option("--version", "image_version", default="0.0.0", show_default=True, metavar="M.m.r+b")
@click.option("--header-size", type=NUMBER, default=0x400, show_default="0x400", help="In bytes.")
@click.option("--slot-size", type=NUMBER, default=0x80000, show_default="0x80000", help="In bytes.")
@click.option("--security-counter", metavar="N", help="Value of the security counter TLV.")
@click.option("--boot-record", metavar="TYPE", help="Software type of the boot record, such as SPE.")
@click.option("--dependencies", metavar='"(ID,VERSION),..."', help="Versions needed of other images.")
@click.option("--align", type=click.Choice(["1", "2", "4", "8", "16", "32"]), default="1", show_default=True)
@click.option(
    "--public-key-format",
    type=click.Choice(["full", "hash"]),
    default="full",
    show_default=True,
    help="Whole key (TF-M's HW_KEY) or its hash in the image.",
)
@click.option("--pad", is_flag=True, help="Fill up to the slot size and add the trailer magic.")
@click.option("--confirm", is_flag=True, help="With --pad, mark the image as confirmed.")
@click.argument("imgtool_options", nargs=-1, metavar="[-- IMGTOOL_OPTION...]")
def from_elf(
    file: str,
    output: str,
    sign: bool,
    key: str | None,
    image_version: str,
    header_size: int,
    slot_size: int,
    security_counter: str | None,
    boot_record: str | None,
    dependencies: str | None,
    align: str,
    public_key_format: str,
    pad: bool,
    confirm: bool,
    imgtool_options: tuple[str, ...],
) -> None:
    """Make the flat binary of FW.elf, as objcopy -O binary does; with --sign, a signed MCUboot image.

    The payload must be linked to run at the slot's address plus the header size.
    """
    given = {"--key": key, "--security-counter": security_counter, "--boot-record": boot_record}
    given |= {"--dependencies": dependencies}
    if not sign and (needless := _options_for_signing(imgtool_options)):
        raise click.UsageError(f"{', '.join(needless)}: only with --sign")
    if sign and key is None:
        raise click.UsageError("--sign needs --key PEM")
    for name, needed in (("FW.elf", file), ("--key", key)):
        if needed is not None and output != STDIN and os.path.realpath(output) == os.path.realpath(needed):
            raise click.UsageError(f"-o {output} would overwrite {name}; legal: another file")
    if not IMAGE_HEADER_SIZE <= header_size <= 0xFFFF:
        raise click.UsageError(f"--header-size {header_size:#x}; legal: 0x20 to 0xffff")
    if not IMAGE_HEADER_SIZE <= slot_size <= U32_MAX:
        raise click.UsageError(f"--slot-size {slot_size:#x}; legal: {IMAGE_HEADER_SIZE:#x} to {U32_MAX:#x}")
    flat = elf_to_flat(read_file(file, MAX_IMAGE), display(file))
    data = flat.data
    if sign:
        options = ["--pad-header", "--header-size", hex(header_size), "--slot-size", hex(slot_size)]
        options += ["--version", image_version, "--align", align, "--public-key-format", public_key_format]
        for name, value in given.items():
            options += [name, value] if value is not None else []
        options += ["--pad"] if pad else []
        options += ["--confirm"] if confirm else []
        load_public_key(Path(str(key)))
        data = imgtool_sign(flat.data, [*options, *imgtool_options])
    write_file(output, data)
    warnings = list(vector_warnings(flat))
    if sign and (flat.base - header_size) % SMALLEST_SECTOR:
        warnings.append(
            f"linked to run at {flat.base:#010x}: behind a header of {header_size:#x} bytes that is a slot "
            f"at {flat.base - header_size:#010x}, where hardly a flash sector begins"
        )
    for warning in warnings:
        click.echo(f"warning: {warning}", err=True)
    what = "signed image" if sign else "flat binary"
    name, to_stderr = ("standard output", True) if output == STDIN else (output, False)
    text = f"{name}: {what} of {len(data)} bytes; {len(flat.data)} bytes to run at {flat.base:#010x}"
    click.echo(text, err=to_stderr)


def _options_for_signing(imgtool_options: tuple[str, ...]) -> list[str]:
    """Those of from-elf's options that the user gave and that mean nothing to a flat binary."""
    context = click.get_current_context()
    mine = [p for p in context.command.params if isinstance(p, click.Option) and p.name not in _FOR_ALL]
    given = [
        p.opts[-1] for p in mine if context.get_parameter_source(str(p.name)) is ParameterSource.COMMANDLINE
    ]
    return [*given, *(["imgtool options"] if imgtool_options else [])]


def vector_warnings(flat: FlatImage) -> Iterator[str]:
    if len(flat.data) < 8:
        yield f"{len(flat.data)} bytes cannot hold a vector table"
        return
    reset = int.from_bytes(flat.data[4:8], "little")
    if not reset & 1:
        yield f"the second word, {reset:#010x}, is no Thumb reset vector: is the vector table first?"
    elif not flat.base <= reset < flat.base + len(flat.data):
        end = flat.base + len(flat.data)
        yield f"the reset vector {reset:#010x} is outside the image at {flat.base:#010x} to {end:#010x}"


def _lines(file: str, report: ImageReport) -> Iterator[str]:
    header = report.header
    yield f"{file}: MCUboot image, version {header.version}, {report.size} bytes"
    yield "header"
    yield f"  header size       {header.hdr_size:#x}"
    yield f"  payload size      {header.img_size:#x}"
    yield f"  protected TLVs    {header.protect_tlv_size} bytes"
    yield f"  load address      {header.load_addr:#010x}"
    yield f"  flags             {', '.join(flag_names(header.flags)) or 'none'}"
    if report.areas is not None:
        yield f"TLVs from {report.areas.start:#x} to {report.areas.end:#x}"
    for tlv in report.tlvs:
        yield from _tlv_lines(tlv)
    if report.problem is not None:
        yield f"problem: {report.problem}"
    for digest in report.digests:
        yield _digest_line(digest)
    yield from _content_lines(report)
    if report.trailer is not None:
        trailer = report.trailer
        yield (
            f"trailer: magic good (cells of {report.trailer_align} bytes), "
            f"swap_type {trailer.swap_type}, copy_done {trailer.copy_done.name.lower()}, "
            f"image_ok {trailer.image_ok.name.lower()}"
        )
        for field in report.trailer_cells:
            yield f"  {field.cell.offset:#07x} {field.cell.name:<12} {_cell_text(field)}"


def _cell_text(field: CellReport) -> str:
    if field.erased:
        return f"erased, {field.cell.size} bytes"
    if field.cell.size > LONGEST_CELL:
        marks = len(field.value) - field.value.count(0xFF)
        return f"{marks} of {field.cell.size} bytes are written"
    return field.value.hex()


def _tlv_lines(report: TlvReport) -> Iterator[str]:
    tlv = report.tlv
    area = "protected" if tlv.protected else "unprotected"
    yield f"  {tlv.offset:#07x} {area:<11} {tlv.type:#06x} {tlv.name:<12} {tlv.length:>4} bytes"
    if isinstance(report.meaning, dict):
        for name, value in report.meaning.items():
            yield f"          {name}: {value}"
    else:
        yield f"          {report.value.hex() if report.meaning is None else report.meaning}"


def _digest_line(digest: DigestReport) -> str:
    name = digest.algorithm.name
    if digest.computed is None:
        return f"digest {name} not checked: {digest.reason}"
    if digest.matches:
        return f"digest {name} matches"
    return f"digest {name} does not match: header, payload and protected TLVs hash to {digest.computed.hex()}"


def _content_lines(report: ImageReport) -> Iterator[str]:
    """What stands in an encrypted or compressed payload."""
    if (encryption := report.encryption) is not None:
        wrapped = "; ".join(encryption.wrappings) or "no TLV with its key"
        state = {
            "plain": "plain in this file, as in a primary slot",
            "encrypted": "encrypted in this file, and the key decrypts it",
        }.get(encryption.state, "encrypted in this file, or damaged")
        yield f"encryption: {wrapped}"
        yield f"  payload           {state}"
    if (compression := report.compression) is not None:
        plain = "unknown" if compression.plain_size is None else f"{compression.plain_size} bytes"
        yield f"compression: {compression.compressed_size} bytes stand for {plain}"
        if compression.computed is None:
            yield f"  digest DECOMP_SHA not checked: {compression.reason}"
        elif compression.matches:
            yield "  digest DECOMP_SHA matches the decompressed image"
        else:
            digest = compression.computed.hex()
            yield f"  digest DECOMP_SHA does not match: the plain image hashes to {digest}"


def _as_json(report: ImageReport) -> dict[str, object]:
    header, trailer = report.header, report.trailer
    return {
        "size": report.size,
        "header": {
            "ih_magic": header.magic,
            "ih_load_addr": header.load_addr,
            "ih_hdr_size": header.hdr_size,
            "ih_protect_tlv_size": header.protect_tlv_size,
            "ih_img_size": header.img_size,
            "ih_flags": int(header.flags),
            "flags": flag_names(header.flags),
            "version": str(header.version),
        },
        "tlvs": [
            {
                "offset": tlv.tlv.offset,
                "type": tlv.tlv.type,
                "name": tlv.tlv.name,
                "length": tlv.tlv.length,
                "protected": tlv.tlv.protected,
                "value": tlv.value.hex(),
                "meaning": tlv.meaning,
            }
            for tlv in report.tlvs
        ],
        "digests": [
            {
                "algorithm": digest.algorithm.name,
                "found": digest.found.hex(),
                "computed": None if digest.computed is None else digest.computed.hex(),
                "matches": digest.matches,
                "reason": digest.reason,
            }
            for digest in report.digests
        ],
        "encryption": None
        if report.encryption is None
        else {
            "wrappings": list(report.encryption.wrappings),
            "payload": report.encryption.state,
            "decrypted": report.encryption.decrypted,
        },
        "compression": None
        if (inner := report.compression) is None
        else {
            "compressed_size": inner.compressed_size,
            "plain_size": inner.plain_size,
            "found": inner.found.hex(),
            "computed": None if inner.computed is None else inner.computed.hex(),
            "matches": inner.matches,
            "reason": inner.reason,
        },
        "trailer": None
        if trailer is None
        else {
            "align": report.trailer_align,
            "magic": trailer.magic.name.lower(),
            "swap_type": trailer.swap_type,
            "image_num": trailer.image_num,
            "copy_done": trailer.copy_done.name.lower(),
            "image_ok": trailer.image_ok.name.lower(),
            "fields": [
                {
                    "name": field.cell.name,
                    "offset": field.cell.offset,
                    "size": field.cell.size,
                    "value": None if field.erased else field.value.hex(),
                }
                for field in report.trailer_cells
            ],
        },
        "problem": None if report.problem is None else str(report.problem),
    }
