"""The settings that the tests' applications are created with."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
SECRET_KEY = "a key for tests, long enough to be accepted"


def environment(database_url: str, redis_url: str, **overrides: str) -> dict[str, str]:
    """Return the settings of an application on these engines, as environment variables."""
    return {
        "SECRET_KEY": SECRET_KEY,
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "PUBLIC_URL": "http://localhost",
        "MAIL_DEFAULT_SENDER": "petition@example.org",
        "MAIL_SERVER": "127.0.0.1",
        # Nothing listens there: an email that a test does not expect fails instead of being sent.
        "MAIL_PORT": "1",
        "PETITION_EMBEDDED": "1",
        "PETITION_LOG_LEVEL": "WARNING",
        "PROXY_COUNT": "1",
        # What a test changes is visible at once.
        "PETITION_CACHE_TTL": "0",
        **overrides,
    }
