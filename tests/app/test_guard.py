"""Who is answered, and with which headers: asked through Flask's own client, as a browser or an attacker would."""

import pytest

from app.runs import ATTACK, begun, good_runs
from layerlore.app import build
from layerlore.app.guard import CALLBACK, same
from report.histories import history

TOKEN = "a-token-of-more-than-16"
QUESTION = {
    "output": "page.children",
    "outputs": {"id": "page", "property": "children"},
    "inputs": [{"id": "address", "property": "pathname", "value": "/"}],
    "changedPropIds": ["address.pathname"],
}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("served")
    (root / "runs").mkdir()
    good_runs(root / "runs")
    begun(root / "secret", 3)
    return root


def client_of(root, **options):
    return build(root / "runs", **options).server.test_client()


def ask(client, host="localhost:8050", **headers):
    return client.post(CALLBACK, json=QUESTION, base_url=f"http://{host}", headers=headers)


@pytest.fixture(scope="module")
def client(root):
    return client_of(root)


def get(client, path, host="localhost:8050", **headers):
    return client.get(path, base_url=f"http://{host}", headers=headers, buffered=True)


@pytest.mark.parametrize("host", ["localhost:8050", "127.0.0.1:8050", "[::1]:8050"])
def test_this_machine_is_answered_by_its_own_names(client, host):
    assert get(client, "/", host).status_code == 200
    assert ask(client, host).status_code == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example:8050", "localhost:8051", "localhost", "127.0.0.1.evil.example:8050", "localhost.:8050",
     "127.0.0.2:8050", "localhost@evil.example:8050", "0.0.0.0:8050"],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/", "/_dash-layout", "/look/page.css", "/report/training"])
def test_another_name_that_leads_here_is_refused(client, host, path):
    """Against DNS rebinding: a page of another site whose name is made to lead to this machine."""
    answer = get(client, path, host)
    assert answer.status_code in (400, 403)
    assert b"small" not in answer.data
    assert ask(client, host).status_code in (400, 403)


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:8051"},
        {"Origin": "http://localhost:8050.evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "http://localhost:8050", "Sec-Fetch-Site": "cross-site"},
    ],
)
def test_pages_of_other_sites_get_no_answer_to_their_questions(client, headers):
    assert ask(client, **headers).status_code == 403
    assert get(client, "/_dash-layout", **headers).status_code == 403


def test_our_own_page_gets_one(client):
    answer = ask(client, **{"Origin": "http://localhost:8050", "Sec-Fetch-Site": "same-origin"})
    assert answer.status_code == 200
    assert "Runs in" in str(answer.json)


@pytest.mark.parametrize("method", ["put", "delete", "patch", "options", "post"])
def test_pages_are_only_read(client, method):
    for path in ("/", "/run/training", "/report/training", *([CALLBACK] if method != "post" else [])):
        assert getattr(client, method)(path, base_url="http://localhost:8050").status_code == 405


@pytest.mark.parametrize(
    "path", ["/nothing", "/_reload-hash", "/_mcp", "/static/x", "/run", "/_alive_x", "/.git/config"]
)
def test_there_is_nothing_else(client, path):
    assert get(client, path).status_code == 404


@pytest.mark.parametrize("kind", ["run", "report"])
@pytest.mark.parametrize(
    "place",
    ["../secret", "%2e%2e/secret", "..%2fsecret", "%2e%2e%2fsecret", "%252e%252e/secret", "training/../../secret",
     "/etc", "%2fetc", "training%00", "training/arrays", "missing", "training/%2e", "..\\secret", "~root"],
)  # fmt: skip
def test_addresses_that_lead_elsewhere_are_refused(client, kind, place):
    answer = get(client, f"/{kind}/{place}")
    assert answer.status_code == 404
    assert b"no such page" in answer.data or b"no such run" in answer.data


def test_good_addresses_are_answered(client):
    for place in ("training", "depth", "study", "a/b/%3Cimg%20src=x%20onerror=alert(1)%3E"):
        assert get(client, f"/run/{place}").status_code == 200


def test_hostile_names_are_inert_where_pages_are_written_by_hand(client):
    answer = get(client, f"/run/{ATTACK}")
    assert answer.status_code == 404
    assert b"<img" not in answer.data
    assert b"&lt;img" in answer.data


def test_every_answer_says_how_it_may_be_used(client):
    for path in ("/", "/run/training", "/missing", "/look/page.css", "/report/training/report.html"):
        headers = get(client, path).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["Referrer-Policy"] == "no-referrer"
        policy = headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'")
        assert "frame-ancestors 'none'" in policy
        assert "unsafe-eval" not in policy
        assert "http" not in policy
        script = next(part for part in policy.split("; ") if part.startswith("script-src"))
        assert "unsafe-inline" not in script


def test_a_report_keeps_its_own_policy(client, root):
    answer = get(client, "/report/training/report.html")
    page = answer.text
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'; ")
    own = page.split('http-equiv="Content-Security-Policy" content="')[1].split('"')[0].replace("&#39;", "'")
    assert answer.headers["Content-Security-Policy"].startswith(own)
    assert "sha256-" in own
    again = get(client, "/report/training/report.html", **{"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


def test_a_report_of_an_unfinished_run_says_why_there_is_none(client, root):
    history("small").save(root / "runs" / "damaged")
    (root / "runs" / "damaged" / "records.jsonl").write_text("{}\n")
    answer = get(client, "/report/damaged/report.html")
    assert answer.status_code == 409
    assert "damaged/records.jsonl, line 1: a record is damaged" in answer.text
    assert str(root) not in answer.text


class TestToken:
    """With a token, nothing at all is answered without it or the cookie that it is exchanged for."""

    PATHS = ("/", "/run/training", "/report/training", "/_dash-layout", "/_dash-dependencies", "/look/page.css",
             "/_dash-component-suites/dash/dcc/dash_core_components.js", "/assets/live.css", "/missing")  # fmt: skip

    def test_nothing_is_answered_without(self, root):
        client = client_of(root, token=TOKEN)
        for path in self.PATHS:
            for wrong in ("", "?token=", f"?token={TOKEN[:-1]}", f"?token={TOKEN}x", "?token=%ff%00"):
                answer = get(client, path + wrong)
                assert answer.status_code == 403
                assert TOKEN not in answer.text
                assert "Set-Cookie" not in answer.headers
        assert ask(client).status_code == 403
        client.set_cookie("layerlore_8050", TOKEN)
        assert ask(client).status_code == 403

    def test_it_is_asked_for_once(self, root):
        client = client_of(root, token=TOKEN)
        answer = get(client, f"/run/training?token={TOKEN}")
        assert answer.status_code == 200
        assert 'content="0;url=/run/training"' in answer.text
        cookie = answer.headers["Set-Cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie
        assert TOKEN not in cookie
        assert TOKEN not in answer.text
        for path in self.PATHS[:-1]:
            assert get(client, path).status_code in (200, 302)
        assert ask(client).status_code == 200
        # The cookie does not open the door to other sites' pages.
        assert ask(client, Origin="http://evil.example").status_code == 403

    def test_another_server_has_another_cookie(self, root):
        one, two = client_of(root, token=TOKEN), client_of(root, token=TOKEN)
        get(one, f"/?token={TOKEN}")
        two.set_cookie("layerlore_8050", one.get_cookie("layerlore_8050").value)
        assert get(two, "/").status_code == 403
        one.set_cookie("layerlore_8050", one.get_cookie("layerlore_8050").value)
        assert get(one, "/").status_code == 200

    def test_an_exposed_server_is_reached_by_any_name(self, root):
        client = client_of(root, token=TOKEN, host="0.0.0.0")
        assert get(client, "/", "trainer.example:8050").status_code == 403
        assert get(client, f"/?token={TOKEN}", "trainer.example:8050").status_code == 200

    def test_nothing_but_a_path_comes_back(self, root):
        client = client_of(root, token=TOKEN)
        answer = get(client, f"/%22%3E%3Cscript%3E?token={TOKEN}")
        assert "<script" not in answer.text
        place = {"PATH_INFO": "//evil.example"}
        answer = client.get(f"/?token={TOKEN}", base_url="http://localhost:8050", environ_overrides=place)
        assert 'content="0;url=/evil.example"' in answer.text
        answer = get(client, f"/run/a%23b%3Fc?token={TOKEN}")
        assert 'content="0;url=/run/a%23b%3Fc"' in answer.text


def test_texts_are_compared_whole():
    assert same("abc", "abc")
    assert not same("abc", "abd")
    assert not same("ab", "abc")
    assert not same("", "abc")
    assert not same("\udcff", "abc")
