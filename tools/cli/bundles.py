"""`tfm-sim provisioning bundles`: what a factory leaves in a virgin device."""

from dataclasses import replace

import click

from ...build import Build, bl1_config_for, bl2_config_for, dummy_provisioning
from ...platform.board import load_board
from ...platform.provisioning import load_provisioning
from ...platform.provisioning_bundle import BundleLayout, make_bundles
from .loader_options import SIGNATURE_TYPES
from .output import FILE_NAME, write_file


@click.command("bundles")
@click.argument("assembly_and_test", type=FILE_NAME, metavar="ASSEMBLY")
@click.argument("psa_rot", type=FILE_NAME, metavar="PSA_ROT")
@click.option(
    "--board",
    type=FILE_NAME,
    metavar="BOARD",
    default="an521_bl1",
    show_default=True,
    help="For which board.",
)
@click.option(
    "--provisioning",
    type=FILE_NAME,
    metavar="FILE",
    help="Your values as YAML. None: TF-M's dummies, NOT SECURE.",
)
@click.option(
    "--signature-type",
    type=click.Choice(list(SIGNATURE_TYPES)),
    default="EC-P256",
    show_default=True,
    help="Of BL2's images: whose dummy ROTPKs go in.",
)
@click.option("--iak-id", is_flag=True, help="For a build with ATTEST_INCLUDE_COSE_KEY_ID.")
def bundles(
    assembly_and_test: str,
    psa_rot: str,
    board: str,
    provisioning: str | None,
    signature_type: str,
    iak_id: bool,
) -> None:
    """Write the assembly-and-test bundle and the PSA RoT bundle of a device.

    A board with a place for bundles takes them with `--bundles ASSEMBLY PSA_ROT`, and burns them at power-on
    where it is virgin (`lifecycle: ASSEMBLY_AND_TEST` in its provisioning file, and nothing else).
    """
    description = load_board(board)
    if provisioning is not None:
        values = load_provisioning(provisioning)
    else:
        bl2 = replace(bl2_config_for(description), signature_type=SIGNATURE_TYPES[signature_type])
        values = dummy_provisioning(Build(bl2, bl1=bl1_config_for(description)))
    layout = BundleLayout(description.otp.layout, max(2, description.image_count), iak_id)
    made = make_bundles(values, layout)
    write_file(assembly_and_test, made.assembly_and_test)
    write_file(psa_rot, made.psa_rot)
    if values.is_dummy:
        click.echo("the bundles hold TF-M's dummy keys, which are published: NOT SECURE", err=True)
