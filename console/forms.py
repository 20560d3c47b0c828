"""Forms: WTForms reads and checks the fields; the token is ours, whatever the host configures."""

from __future__ import annotations

from typing import Any, ClassVar

from flask import request
from wtforms import Form, ValidationError
from wtforms.csrf.core import CSRF

from . import access
from .csrf import FIELD


class Bound(CSRF):
    """Binds a form to the session and to its purpose."""

    def setup_form(self, form: Any) -> Any:
        """Return the token's field, and note what the form is for."""
        self.purpose = form.purpose
        return super().setup_form(form)

    def generate_csrf_token(self, csrf_token_field: Any) -> str:  # noqa: ARG002 - WTForms' shape
        """Return the token of the form."""
        return access.form_token(self.purpose)

    def validate_csrf_token(self, form: Any, field: Any) -> None:  # noqa: ARG002 - WTForms' shape
        """Refuse a form that is not ours. Raises ValidationError."""
        if not access.form_holds(self.purpose):
            raise ValidationError("The form had expired. Please look it over and send it again.")


class ConsoleForm(Form):
    """A form of the console. A subclass says what it is for."""

    purpose: ClassVar[str]

    class Meta:
        """How WTForms makes the form."""

        csrf = True
        csrf_class = Bound
        csrf_field_name = FIELD

    @classmethod
    def sent(cls, **more: Any) -> ConsoleForm:
        """Return the form as it was filled in."""
        return cls(request.form, **more)

    @property
    def expired(self) -> bool:
        """Whether, after validation, the token was what failed."""
        return FIELD in self.errors
