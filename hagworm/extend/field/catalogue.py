"""The types themselves: for models, parameters, dataclasses and forms."""

from datetime import date
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Annotated, Any
from uuid import UUID

from hagworm.extend.base.checkdigit import (
    parse_bank_card,
    parse_credit_code,
    parse_iban,
    parse_identity_card,
    parse_isbn,
)
from hagworm.extend.error import BadValue
from hagworm.extend.field.checked import Checked
from hagworm.extend.field.location import parse_public_url, parse_url
from hagworm.extend.field.mail import parse_domain, parse_email
from hagworm.extend.field.plain import (
    parse_base64,
    parse_date,
    parse_floats,
    parse_integers,
    parse_ipv4,
    parse_ipv6,
    parse_json,
    parse_mac,
    parse_network4,
    parse_network6,
    parse_texts,
    parse_uuid,
    parse_visible,
)
from hagworm.extend.field.telephone import parse_mobile, parse_phone

__all__ = (
    "IBAN",
    "ISBN",
    "MAC",
    "URL",
    "BankCard",
    "Base64",
    "CreditCode",
    "Date",
    "Domain",
    "Email",
    "FloatList",
    "IDCard",
    "IPv4",
    "IPv4Net",
    "IPv6",
    "IPv6Net",
    "IntList",
    "JSONText",
    "Mobile",
    "Phone",
    "PublicURL",
    "StrList",
    "UniqueID",
    "VisibleText",
)


def text_only(value: object) -> str:
    if not isinstance(value, str):
        raise BadValue("text", value)

    return value


Email = Annotated[str, Checked(parse_email, {"format": "email"})]
Domain = Annotated[str, Checked(parse_domain, {"format": "hostname"})]
URL = Annotated[str, Checked(parse_url, {"format": "uri"})]
PublicURL = Annotated[str, Checked(parse_public_url, {"format": "uri"})]
MAC = Annotated[str, Checked(parse_mac, {"examples": ["02:42:ac:12:00:02"]})]
Phone = Annotated[str, Checked(parse_phone, {"examples": ["+49301234567"]})]
Mobile = Annotated[str, Checked(parse_mobile, {"examples": ["13800138000"]})]
VisibleText = Annotated[str, Checked(parse_visible, {"pattern": "^[!-~]+$"})]

IDCard = Annotated[str, Checked(lambda value: parse_identity_card(text_only(value)).number)]
BankCard = Annotated[str, Checked(lambda value: parse_bank_card(text_only(value)))]
CreditCode = Annotated[str, Checked(lambda value: parse_credit_code(text_only(value)))]
IBAN = Annotated[str, Checked(lambda value: parse_iban(text_only(value)))]
ISBN = Annotated[str, Checked(lambda value: parse_isbn(text_only(value)))]

UniqueID = Annotated[UUID, Checked(parse_uuid)]
Date = Annotated[date, Checked(parse_date)]
IPv4 = Annotated[IPv4Address, Checked(parse_ipv4)]
IPv6 = Annotated[IPv6Address, Checked(parse_ipv6)]
IPv4Net = Annotated[IPv4Network, Checked(parse_network4)]
IPv6Net = Annotated[IPv6Network, Checked(parse_network6)]

JSONText = Annotated[Any, Checked(parse_json, {"type": "string", "contentMediaType": "application/json"})]
Base64 = Annotated[bytes, Checked(parse_base64, {"format": "byte"})]

StrList = Annotated[list[str], Checked(parse_texts)]
IntList = Annotated[list[int], Checked(parse_integers)]
FloatList = Annotated[list[float], Checked(parse_floats)]
