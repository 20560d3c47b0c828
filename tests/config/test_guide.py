"""The guide's names in the environment: what they set, and that ours go first."""

import pytest

from tests.config.loaded import GUIDE_SECRET, made_key, only_problem, problems_of, settings_of
from tests.config.test_loading import at


@pytest.mark.parametrize(
    ("name", "text", "place", "expected"),
    [
        ("JWT_SECRET_KEY", GUIDE_SECRET, "tokens.guide_secret", GUIDE_SECRET.encode()),
        ("JWT_EXPIRY_SECONDS", "3600", "tokens.lifetime_s", 3600),
        ("RATE_LIMIT_ENABLED", "false", "limits.enabled", False),
        ("CORS_ORIGINS", "", "cors.origins", ()),
        ("CORS_ORIGINS", "https://a.example", "cors.origins", ("https://a.example",)),
        ("CORS_CREDENTIALS", "true", "cors.credentials", True),
        ("SECURITY_HEADERS_ENABLED", "False", "headers.enabled", False),
        ("SECURITY_LOGGING_ENABLED", "0", "log_enabled", False),
        ("LOG_LEVEL", "debug", "log_level", "DEBUG"),
    ],
)
def test_a_name_of_the_guide_sets_what_it_says(
    name: str, text: str, place: str, expected: object
) -> None:
    settings = settings_of(environ={name: text})

    assert at(settings, place) == expected
    assert settings.fallbacks_used == (name,)


def test_requests_per_minute_are_the_default_rate() -> None:
    settings = settings_of(environ={"MAX_REQUESTS_PER_MINUTE": "60"})

    assert settings.limits.named["default"] == "60/minute"
    assert settings.limits.named["chat"] == "20/minute"
    assert settings.fallbacks_used == ("MAX_REQUESTS_PER_MINUTE",)


@pytest.mark.parametrize(
    ("ours", "value", "guides", "text", "place", "expected"),
    [
        ("JAFSEC_TOKEN_LIFETIME_S", "60", "JWT_EXPIRY_SECONDS", "3600", "tokens.lifetime_s", 60),
        ("JAFSEC_LIMITS_ENABLED", "true", "RATE_LIMIT_ENABLED", "false", "limits.enabled", True),
        ("JAFSEC_CORS_ORIGINS", "", "CORS_ORIGINS", "https://a.example", "cors.origins", ()),
        ("JAFSEC_CORS_CREDENTIALS", "no", "CORS_CREDENTIALS", "yes", "cors.credentials", False),
        ("JAFSEC_HEADERS_ENABLED", "1", "SECURITY_HEADERS_ENABLED", "0", "headers.enabled", True),
        ("JAFSEC_LOG_ENABLED", "1", "SECURITY_LOGGING_ENABLED", "0", "log_enabled", True),
        ("JAFSEC_LOG_LEVEL", "ERROR", "LOG_LEVEL", "DEBUG", "log_level", "ERROR"),
    ],
)
def test_our_name_goes_first_from_either_source(
    ours: str, value: str, guides: str, text: str, place: str, expected: object
) -> None:
    for settings in (
        settings_of({ours: value}, {guides: text}),
        settings_of(environ={ours: value, guides: text}),
    ):
        assert at(settings, place) == expected
        assert settings.fallbacks_used == ()


def test_a_default_rate_of_ours_goes_before_requests_per_minute() -> None:
    environ = {"MAX_REQUESTS_PER_MINUTE": "60", "JAFSEC_LIMITS": '{"default": "7/second"}'}

    settings = settings_of(environ=environ)

    assert settings.limits.named["default"] == "7/second"
    assert settings.fallbacks_used == ()


def test_other_rates_of_ours_leave_requests_per_minute_in_force() -> None:
    environ = {"MAX_REQUESTS_PER_MINUTE": "60", "JAFSEC_LIMITS": '{"chat": "7/second"}'}

    named = settings_of(environ=environ).limits.named

    assert (named["default"], named["chat"]) == ("60/minute", "7/second")


def test_the_guides_names_count_in_the_environment_only() -> None:
    settings = settings_of({"LOG_LEVEL": "DEBUG", "JWT_SECRET_KEY": "dev"})

    assert settings.log_level == "INFO"
    assert settings.tokens.guide_secret is None


def test_no_origins_are_none_and_not_one_empty_origin() -> None:
    assert settings_of(environ={"CORS_ORIGINS": ""}).cors.origins == ()
    assert settings_of().cors.origins is None


def test_names_without_effect_are_noted_and_not_judged() -> None:
    environ = {"ENCRYPTION_KEY": "dev", "CONTENT_FILTERING_ENABLED": "perhaps"}

    settings = settings_of(environ=environ)

    assert settings.fallbacks_ignored == ("CONTENT_FILTERING_ENABLED", "ENCRYPTION_KEY")
    assert settings.fallbacks_used == ()
    assert "dev" not in repr(settings)


def test_all_names_of_the_guide_together_work() -> None:
    environ = {
        "JWT_SECRET_KEY": GUIDE_SECRET,
        "JWT_EXPIRY_SECONDS": "3600",
        "ENCRYPTION_KEY": made_key("encryption"),
        "RATE_LIMIT_ENABLED": "true",
        "MAX_REQUESTS_PER_MINUTE": "60",
        "CORS_ORIGINS": "https://a.example,https://b.example",
        "CORS_CREDENTIALS": "true",
        "SECURITY_HEADERS_ENABLED": "true",
        "CONTENT_FILTERING_ENABLED": "true",
        "SECURITY_LOGGING_ENABLED": "true",
        "LOG_LEVEL": "INFO",
    }

    settings = settings_of(environ=environ)

    assert {*settings.fallbacks_used, *settings.fallbacks_ignored} == environ.keys()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("JWT_EXPIRY_SECONDS", "one hour"),
        ("JWT_EXPIRY_SECONDS", "0"),
        ("JWT_EXPIRY_SECONDS", "864000"),
        ("RATE_LIMIT_ENABLED", "enabled"),
        ("MAX_REQUESTS_PER_MINUTE", "0"),
        ("MAX_REQUESTS_PER_MINUTE", "60/minute"),
        ("CORS_CREDENTIALS", ""),
        ("LOG_LEVEL", "chatty"),
        ("JWT_SECRET_KEY", ""),
    ],
)
def test_a_problem_bears_the_name_it_was_written_under(name: str, text: str) -> None:
    assert only_problem(environ={name: text}).key == name


def test_every_origin_with_credentials_is_refused_under_the_guides_names_too() -> None:
    problem = only_problem(environ={"CORS_ORIGINS": "*", "CORS_CREDENTIALS": "true"})

    assert problem.key == "CORS_ORIGINS"


def test_an_empty_environment_uses_nothing_of_the_guide() -> None:
    assert problems_of() == []
    assert settings_of().fallbacks_used == settings_of().fallbacks_ignored == ()
