"""The forms about API keys. What they may hold is decided by the services."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final

from wtforms import HiddenField, SelectMultipleField, StringField, TextAreaField
from wtforms.validators import AnyOf

from flask_jafsec.errors import InvalidValue
from flask_jafsec.identity.key_arguments import EXPIRIES

from .forms import ConsoleForm

#: Which field of a form shows what a service says about which value.
_FIELDS: Final[Mapping[str, str]] = {
    "expires_at": "expires",
    "overlap": "overlap",
    "permission": "scopes",
    "permissions": "scopes",
}


def _one_of(label: str, *values: str, default: str = "") -> StringField:
    """Return a field that holds one of *values*, whose words stand in the template."""
    return StringField(label, [AnyOf(values, "is not one of the choices")], default=default)


#: Units of a rate of a key's own.
RATE_UNITS: Final = ("second", "minute", "hour", "day")


class KeyForm(ConsoleForm):
    """A form whose fields can be told what a service found."""

    def complain(self, field: str, problem: str) -> None:
        """Show *problem* at the field, or above the form where it has no such field."""
        name = _FIELDS.get(field, field)
        place = self._fields.get(name)
        text = f"{problem[:1].upper()}{problem[1:]}."
        if place is None:
            self.form_errors.append(text)
        else:
            place.errors = [*place.errors, f"{place.label.text}: {problem}."]

    def refuse(self, error: InvalidValue) -> None:
        """Show what a service found wrong."""
        self.complain(error.field, error.problem)


class NewKeyForm(KeyForm):
    """What a new key is to be."""

    purpose: ClassVar[str] = "keys_new"

    once = HiddenField()
    name = StringField("Name")
    owner = _one_of("Owner", "me", "service", "other", default="me")
    owner_other = StringField("Name or id of the owner")
    expires = _one_of("Expires", *EXPIRIES, "date", "never", default="90")
    expires_on = StringField("Last day, UTC")
    scopes = SelectMultipleField("Scopes", validate_choice=False)
    rate = StringField("Rate limit")
    rate_unit = _one_of("Unit of the rate limit", *RATE_UNITS, default="minute")
    networks = TextAreaField("Allowed addresses")
    environment = _one_of("Environment", "live", "test")


class RotateForm(KeyForm):
    """How long the old key goes on."""

    purpose: ClassVar[str] = "keys_rotate"

    once = HiddenField()
    overlap = _one_of("The old key ends", "none", "1h", "24h", "7d", "date", default="24h")
    until = StringField("Date and time, UTC")


class RevokeForm(KeyForm):
    """Why a key is cut off, and that it is the right one."""

    purpose: ClassVar[str] = "keys_revoke"

    why = StringField("Reason")
    name = StringField("Name of the key")


class EndForm(KeyForm):
    """That the old key of a rotation ends now."""

    purpose: ClassVar[str] = "keys_end"

    seen = HiddenField()


class ExtendForm(KeyForm):
    """Until when the old key of a rotation works."""

    purpose: ClassVar[str] = "keys_extend"

    seen = HiddenField()
    until = StringField("Date and time, UTC")


def given(field: Any) -> str:
    """Return what stands in a field, as text."""
    return str(field.data or "").strip()
