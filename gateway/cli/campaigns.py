"""`gateway campaigns`: what webmasters' referrals are counted under."""

import click

from gateway.cli.lazy import Group
from gateway.cli.operator import note
from gateway.cli.output import Document, printed
from gateway.cli.session import session
from partners.registry import campaigns
from partners.registry.acts import Act
from partners.registry.campaigns import Campaign


@click.group("campaigns", cls=Group)
def command() -> None:
    """Register campaigns of webmasters."""


@command.command()
@click.argument("webmaster")
@click.argument("code")
@click.option("--name", required=True, help="As the webmaster knows it.")
@printed
def add(webmaster: str, code: str, name: str) -> Document:
    """Register the campaign CODE of WEBMASTER."""
    with session() as opened, opened.database.write.begin() as connection:
        added = campaigns.add(connection, Campaign(webmaster, code, name))
        note(opened, connection, Act("oauth.campaigns.add", partner=webmaster, subject=code))
    return {"webmaster": added.webmaster, "code": added.code, "name": added.name}
