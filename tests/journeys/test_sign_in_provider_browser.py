"""A member of the team signs in by the organisation's provider, in Chromium, with scripts and without."""

import re

import pytest
from support.browser import check_page, click_and_wait, new_page
from support.local_stack import LocalStack
from support.oidc_provider import CLIENT_ID, CLIENT_SECRET, OidcProvider
from support.ports import free_port

LABEL = "Orga"


@pytest.mark.slow
def test_sign_in_by_the_provider(chromium, tmp_path):
    provider = OidcProvider()
    settings = {"ISSUER": provider.issuer, "CLIENT_ID": CLIENT_ID, "CLIENT_SECRET": CLIENT_SECRET, "LABEL": LABEL,
                "ROLES": "admin=board", "TRUST_SECOND_FACTOR": "true"}  # fmt: skip
    environ = {f"PETITION_OIDC_{name}": value for name, value in settings.items()}
    stack = LocalStack(tmp_path / "data", free_port(), **environ).wait_until_started()
    try:
        provider.person = {"sub": "1", "email": "alix@example.org", "email_verified": True, "groups": ["board"]}
        page = new_page(chromium)
        page.goto(f"{stack.url}/account/sign-in")
        check_page(page)
        page.get_by_role("button", name=f"Sign in with {LABEL}").click()
        page.wait_for_url(re.compile(r"/desk/$"))
        assert [fault for fault in page.console_errors if "Content Security Policy" in fault] == []
        page.goto(f"{stack.url}/account/")
        check_page(page)
        page.goto(f"{stack.url}/account/verify")
        check_page(page)
        page.get_by_role("button", name=f"Confirm with {LABEL}").click()
        page.wait_for_url(re.compile(r"/account/$"))

        plain = new_page(chromium, java_script_enabled=False)
        plain.goto(f"{stack.url}/account/sign-in")
        plain.get_by_role("button", name=f"Sign in with {LABEL}").click()
        plain.wait_for_url(re.compile(r"/callback"))
        click_and_wait(plain.get_by_role("button", name="Continue"))
        assert plain.url == f"{stack.url}/desk/"

        provider.close()
        late = new_page(chromium)
        late.goto(f"{stack.url}/account/provider/callback?code=x&state=y")
        late.wait_for_url(re.compile(r"/account/sign-in"))
        assert "begun in another browser" in late.inner_text("main")
        check_page(late)
    finally:
        stack.stop()
        provider.close()
