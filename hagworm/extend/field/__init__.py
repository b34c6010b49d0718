"""Types with rules, each loaded on first use: for models, parameters, dataclasses and forms."""

from typing import TYPE_CHECKING

from hagworm.extend.lazy import lazy_names

if TYPE_CHECKING:
    from hagworm.extend.field.catalogue import IBAN as IBAN
    from hagworm.extend.field.catalogue import ISBN as ISBN
    from hagworm.extend.field.catalogue import MAC as MAC
    from hagworm.extend.field.catalogue import URL as URL
    from hagworm.extend.field.catalogue import BankCard as BankCard
    from hagworm.extend.field.catalogue import Base64 as Base64
    from hagworm.extend.field.catalogue import CreditCode as CreditCode
    from hagworm.extend.field.catalogue import Date as Date
    from hagworm.extend.field.catalogue import Domain as Domain
    from hagworm.extend.field.catalogue import Email as Email
    from hagworm.extend.field.catalogue import FloatList as FloatList
    from hagworm.extend.field.catalogue import IDCard as IDCard
    from hagworm.extend.field.catalogue import IntList as IntList
    from hagworm.extend.field.catalogue import IPv4 as IPv4
    from hagworm.extend.field.catalogue import IPv4Net as IPv4Net
    from hagworm.extend.field.catalogue import IPv6 as IPv6
    from hagworm.extend.field.catalogue import IPv6Net as IPv6Net
    from hagworm.extend.field.catalogue import JSONText as JSONText
    from hagworm.extend.field.catalogue import Mobile as Mobile
    from hagworm.extend.field.catalogue import Phone as Phone
    from hagworm.extend.field.catalogue import PublicURL as PublicURL
    from hagworm.extend.field.catalogue import StrList as StrList
    from hagworm.extend.field.catalogue import UniqueID as UniqueID
    from hagworm.extend.field.catalogue import VisibleText as VisibleText
    from hagworm.extend.field.checked import Checked as Checked
    from hagworm.extend.field.location import parse_public_url as parse_public_url
    from hagworm.extend.field.location import parse_url as parse_url
    from hagworm.extend.field.mail import parse_domain as parse_domain
    from hagworm.extend.field.mail import parse_email as parse_email
    from hagworm.extend.field.plain import parse_base64 as parse_base64
    from hagworm.extend.field.plain import parse_date as parse_date
    from hagworm.extend.field.plain import parse_floats as parse_floats
    from hagworm.extend.field.plain import parse_integers as parse_integers
    from hagworm.extend.field.plain import parse_ipv4 as parse_ipv4
    from hagworm.extend.field.plain import parse_ipv6 as parse_ipv6
    from hagworm.extend.field.plain import parse_json as parse_json
    from hagworm.extend.field.plain import parse_mac as parse_mac
    from hagworm.extend.field.plain import parse_network4 as parse_network4
    from hagworm.extend.field.plain import parse_network6 as parse_network6
    from hagworm.extend.field.plain import parse_texts as parse_texts
    from hagworm.extend.field.plain import parse_uuid as parse_uuid
    from hagworm.extend.field.plain import parse_visible as parse_visible
    from hagworm.extend.field.record import check_fields as check_fields
    from hagworm.extend.field.record import parse_fields as parse_fields
    from hagworm.extend.field.record import rules_of as rules_of
    from hagworm.extend.field.telephone import parse_mobile as parse_mobile
    from hagworm.extend.field.telephone import parse_phone as parse_phone

HOMES = {
    "IBAN": "catalogue",
    "ISBN": "catalogue",
    "MAC": "catalogue",
    "URL": "catalogue",
    "BankCard": "catalogue",
    "Base64": "catalogue",
    "Checked": "checked",
    "CreditCode": "catalogue",
    "Date": "catalogue",
    "Domain": "catalogue",
    "Email": "catalogue",
    "FloatList": "catalogue",
    "IDCard": "catalogue",
    "IPv4": "catalogue",
    "IPv4Net": "catalogue",
    "IPv6": "catalogue",
    "IPv6Net": "catalogue",
    "IntList": "catalogue",
    "JSONText": "catalogue",
    "Mobile": "catalogue",
    "Phone": "catalogue",
    "PublicURL": "catalogue",
    "StrList": "catalogue",
    "UniqueID": "catalogue",
    "VisibleText": "catalogue",
    "check_fields": "record",
    "parse_base64": "plain",
    "parse_date": "plain",
    "parse_domain": "mail",
    "parse_email": "mail",
    "parse_fields": "record",
    "parse_floats": "plain",
    "parse_integers": "plain",
    "parse_ipv4": "plain",
    "parse_ipv6": "plain",
    "parse_json": "plain",
    "parse_mac": "plain",
    "parse_mobile": "telephone",
    "parse_network4": "plain",
    "parse_network6": "plain",
    "parse_phone": "telephone",
    "parse_public_url": "location",
    "parse_texts": "plain",
    "parse_url": "location",
    "parse_uuid": "plain",
    "parse_visible": "plain",
    "rules_of": "record",
}

__all__ = tuple(HOMES)

__getattr__, __dir__ = lazy_names(__name__, HOMES)
