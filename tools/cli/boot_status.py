"""`tfm-sim boot-status`: a shared data area from a file, entry by entry, in the encoding of any era."""

import json

import click

from ...interface.tfm.boot_status import BootStatusEra, BootStatusError, decode_area
from ..boot_status_report import Reading, boot_status, boot_status_lines
from .output import FILE_NAME, FileUnreadable, display, print_lines
from .token import read_token

STYLES = ((r"^shared data 0x\w+", "bold"),)


@click.command("boot-status")
@click.argument("file", type=FILE_NAME, metavar="FILE")
@click.option(
    "--era",
    type=click.Choice([era.value for era in BootStatusEra]),
    default=BootStatusEra.TODAY.value,
    show_default=True,
    help="Whose encoding: until 2020 an entry's length counted its own header.",
)
@click.option("--plain-mcuboot", is_flag=True, help="Major 2 is BLINFO, as MCUboot outside TF-M has it.")
@click.option("--json", "as_json", is_flag=True, help="Print the entries as JSON.")
def boot_status_command(file: str, era: str, plain_mcuboot: bool, as_json: bool) -> None:
    """Show the boot status in FILE, a shared data area as BL2 left it.

    FILE holds the area's bytes or their hex; - reads standard input. Bytes behind the area's own length are
    passed over.
    """
    area = read_token(file)
    reading = Reading(BootStatusEra(era), plain_mcuboot)
    try:
        decode_area(area, reading.era)
    except BootStatusError as error:
        raise FileUnreadable(f"{display(file)}: {error}{_other_eras(area)}") from None
    if as_json:
        click.echo(json.dumps(boot_status(area, reading), indent=2))
    else:
        print_lines(boot_status_lines(area, reading), STYLES)


def _other_eras(area: bytes) -> str:
    """The eras in which the area can be read."""
    legal = []
    for era in BootStatusEra:
        try:
            decode_area(area, era)
        except BootStatusError:
            continue
        legal.append(era.value)
    return f"; it can be read with --era {' or '.join(legal)}" if legal else ""
