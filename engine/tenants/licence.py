"""Licences: signed by the vendor's key, checked here by its public half, without asking anybody.

A file is JSON: ``{"licence": {…}, "signature": "…"}``. What is signed is the licence in one fixed spelling, so a file
may be laid out anew, but no value of it changed.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any, get_args

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from engine.plan.licence import TRIAL_DAYS, Edition, Licence
from engine.problem import Problems, problem
from engine.tenants.codes import CODES

VENDOR = ""
"""The public key that a vendor builds in; empty: the setting DOUGONG_LICENCE_KEY says it, or nothing is licensed."""
MOST = 64 * 1024
_BEFORE = b"dougong licence 1\n"
_KEYS = {"number", "edition", "tenant", "holder", "issued", "until", "users", "modules"}


def keygen() -> tuple[str, str]:
    """(the private key, for the vendor's safe; the public one, for everybody)."""
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    public = key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return pem.decode(), base64.b64encode(public).decode()


def private_of(pem: str, file: str) -> Ed25519PrivateKey:
    try:
        key = serialization.load_pem_private_key(pem.encode(), None)
    except (ValueError, TypeError) as error:
        raise Problems([problem(CODES["licence.key"], file=file, reason=error)]) from None
    if not isinstance(key, Ed25519PrivateKey):
        raise Problems([problem(CODES["licence.key"], file=file, reason="not an Ed25519 key")])
    return key


def public_of(text: str) -> Ed25519PublicKey:
    try:
        return Ed25519PublicKey.from_public_bytes(base64.b64decode(text.strip(), validate=True))
    except ValueError as error:
        raise Problems([problem(CODES["licence.key"], file="DOUGONG_LICENCE_KEY", reason=error)]) from None


def signed(licence: Licence, key: Ed25519PrivateKey) -> str:
    """The file."""
    told = _told(licence)
    signature = base64.b64encode(key.sign(_bytes(told))).decode()
    return json.dumps({"licence": told, "signature": signature}, ensure_ascii=False, indent=1) + "\n"


def read(text: str, key: Ed25519PublicKey, name: str) -> Licence:
    """The licence of a file, as one for the tenant called so; Problems with what is wrong."""
    told, signature = _taken_apart(text)
    try:
        key.verify(signature, _bytes(told))
    except InvalidSignature:
        raise Problems([problem(CODES["licence.forged"])]) from None
    licence = _licence(told)
    if licence.tenant != name:
        raise Problems([problem(CODES["licence.other"], holder=f"{licence.tenant} ({licence.holder})", name=name)])
    return licence


def trial(name: str, began: date) -> Licence:
    """What holds where no licence was installed yet."""
    return Licence("-", "trial", name, name, began, began + timedelta(days=TRIAL_DAYS - 1))


def require_sense(licence: Licence) -> Licence:
    """What an edition is: Problems where its terms do not fit it."""
    wrong = ""
    if licence.users is not None and licence.users < 1:
        wrong = "a licence has one user at least"
    elif licence.edition == "professional" and (licence.users is None or licence.until is not None):
        wrong = "the professional edition is for a number of users, and has no end"
    elif licence.edition == "enterprise" and not licence.modules:
        wrong = "the enterprise edition names its modules"
    elif licence.edition == "trial" and licence.until is None:
        wrong = "a trial has an end"
    elif licence.until is not None and licence.until < licence.issued:
        wrong = "it ends before it begins"
    if wrong:
        raise Problems([problem(CODES["licence.terms"], what=wrong)])
    return licence


def _told(licence: Licence) -> dict[str, Any]:
    return {
        "number": licence.number,
        "edition": licence.edition,
        "tenant": licence.tenant,
        "holder": licence.holder,
        "issued": licence.issued.isoformat(),
        "until": licence.until.isoformat() if licence.until else None,
        "users": licence.users,
        "modules": list(licence.modules) if licence.modules is not None else None,
    }


def _bytes(told: Mapping[str, Any]) -> bytes:
    return _BEFORE + json.dumps(told, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def _form(reason: object) -> Problems:
    return Problems([problem(CODES["licence.form"], reason=reason)])


def _taken_apart(text: str) -> tuple[dict[str, Any], bytes]:
    if len(text) > MOST:
        raise _form("it is too long")
    try:
        whole = json.loads(text, object_pairs_hook=_once)
        told, signature = whole["licence"], base64.b64decode(whole["signature"], validate=True)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise _form(f"it cannot be read ({type(error).__name__})") from None
    if not isinstance(told, dict) or set(whole) != {"licence", "signature"}:
        raise _form("it is not laid out as one")
    return told, signature


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a key twice")
    return made


def _licence(told: Mapping[str, Any]) -> Licence:
    try:
        modules = told["modules"]
        made = Licence(
            str(told["number"]),
            told["edition"],
            str(told["tenant"]),
            str(told["holder"]),
            date.fromisoformat(told["issued"]),
            date.fromisoformat(told["until"]) if told["until"] else None,
            int(told["users"]) if told["users"] is not None else None,
            tuple(str(one) for one in modules) if modules is not None else None,
        )
    except (ValueError, KeyError, TypeError) as error:
        raise _form(f"its terms cannot be read ({type(error).__name__})") from None
    if made.edition not in get_args(Edition) or set(told) != _KEYS:
        raise _form("it is of another version of the engine")
    return made
