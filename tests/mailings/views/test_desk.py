"""The team's pages of mailings."""

import pytest
from support.factories import make_mailing, make_petition, sign_in


@pytest.mark.parametrize("path", ["", "/edit", "/preview", "/preview?as=99&language=xx&width=x",
                                  "/recipients?after=" + "9" * 40,
                                  "/preview/letter?as=-1", "/recipients?state=x&after=-5",
                                  "/recipients?state=due&after=x"])  # fmt: skip
def test_pages_accept_any_query(client, path):
    sign_in(client, "sender")
    mailing = make_mailing(make_petition())
    assert client.get(f"/desk/mailings/{mailing.id}{path}").status_code == 200
    assert client.get(f"/desk/mailings/{10**30}{path}").status_code == 404
    assert client.get(f"/desk/mailings/999{path}").status_code == 404
