"""Signing in by OpenID Connect: a real registry, a real provider, and what stands between."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tests.conftest import free_port
from tests.fakes.identity_provider import CLIENT_ID, CLIENT_SECRET, Provider, new_key

from .conftest import RegistryProcess

pytestmark = pytest.mark.slow

CALLBACK = "/signin/oidc/callback"


@dataclass
class Site:
    """A registry where people sign in at a provider."""

    registry: RegistryProcess
    provider: Provider

    def browser(self) -> httpx.Client:
        return httpx.Client(base_url=self.registry.url, timeout=30)

    def begin(self, browser: httpx.Client, where: str = "/account") -> str:
        """To the provider and back: the address that the provider sends the browser to."""
        begun = browser.get("/signin/oidc", params={"next": where})
        assert begun.status_code == 303, begun.text
        back = httpx.get(begun.headers["Location"])
        assert back.status_code == 302, back.text
        return str(back.headers["Location"])

    def sign_in(self, browser: httpx.Client, where: str = "/account") -> httpx.Response:
        return browser.get(self.begin(browser, where))

    @contextmanager
    def told(self, **settings: str) -> Iterator[None]:
        """Another start with these settings, and one without them afterwards."""
        before = dict(self.registry.settings)
        self._restart({**before, **settings})
        try:
            yield
        finally:
            self._restart(before)

    def _restart(self, settings: dict[str, str]) -> None:
        self.registry.end()
        self.registry.settings = settings
        self.registry.start()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    registry = RegistryProcess(tmp_path_factory.mktemp("oidc"))
    with Provider(f"{registry.url}{CALLBACK}").serving() as provider:
        registry.settings = {
            "UNDERSTUDY_TOKEN_SECRET": "s" * 40,
            "UNDERSTUDY_OIDC_ISSUER": provider.issuer,
            "UNDERSTUDY_OIDC_CLIENT_ID": CLIENT_ID,
            "UNDERSTUDY_OIDC_CLIENT_SECRET": CLIENT_SECRET,
        }
        registry.start()
        yield Site(registry, provider)
        registry.end()


@pytest.fixture(autouse=True)
def honest(site: Site) -> Iterator[None]:
    yield
    fresh = Provider("")
    site.provider.person, site.provider.said = fresh.person, {}
    site.provider.down, site.provider.odd, site.provider.signs_with = False, None, None


def not_signed_in(browser: httpx.Client, answer: httpx.Response, status: int) -> None:
    assert answer.status_code == status
    assert answer.headers["Content-Type"].startswith("text/html")
    assert "Not signed in" in answer.text
    assert "Traceback" not in answer.text
    assert "understudy_session" not in browser.cookies
    assert browser.get("/v1/me").status_code == 401


def test_somebody_signs_in_and_is_a_member_of_nothing(site: Site) -> None:
    with site.browser() as browser:
        answer = site.sign_in(browser)
        assert (answer.status_code, answer.headers["Location"]) == (303, "/account")
        assert answer.headers["Cache-Control"] == "no-store"
        cookies = answer.headers.get_list("Set-Cookie")
        session = next(one for one in cookies if one.startswith("understudy_session="))
        assert {"HttpOnly", "SameSite=lax"} <= set(session.split("; "))
        assert "understudy_elsewhere" not in browser.cookies
        me = browser.get("/v1/me").json()
        assert "ann" in str(me)
        for path in ("/v1/projects", "/v1/audit", "/v1/snapshot"):
            assert browser.get(path).status_code == 403
    with site.registry.client() as admin:
        found = admin.get("/v1/users/ann").json()
    assert found["identity"] == f"{site.provider.issuer} p-1"
    assert (found["display_name"], found["admin"], found["has_password"]) == (
        "Ann Lee",
        False,
        False,
    )


def test_the_page_to_sign_in_leads_there(site: Site) -> None:
    with site.browser() as browser:
        assert 'href="/signin/oidc?next=/account"' in browser.get("/signin?next=/account").text


def test_an_identity_is_the_same_person_whatever_the_name(site: Site) -> None:
    with site.browser() as browser:
        site.sign_in(browser)
    site.provider.person = {"sub": "p-1", "preferred_username": "married"}
    with site.browser() as browser:
        site.sign_in(browser)
        assert "'ann'" in str(browser.get("/v1/me").json())


def test_another_identity_of_the_same_name_is_somebody_else(site: Site) -> None:
    with site.browser() as browser:
        site.sign_in(browser)
    site.provider.person = {"sub": "p-2", "preferred_username": "ann"}
    with site.browser() as browser:
        assert site.sign_in(browser).status_code == 303
        assert "'ann-" in str(browser.get("/v1/me").json())


@pytest.mark.parametrize(
    "where",
    ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)", "",
     "/a\r\nSet-Cookie: x=1", "/\t/evil.example", "/" + "x" * 5000, "evil"],
)  # fmt: skip
def test_nobody_is_sent_to_another_site(site: Site, where: str) -> None:
    with site.browser() as browser:
        assert site.sign_in(browser, where).headers["Location"] == "/"


def test_a_state_that_is_not_ones_own_is_refused(site: Site) -> None:
    with site.browser() as mallory, site.browser() as ann:
        theirs = site.begin(mallory)
        not_signed_in(ann, ann.get(theirs), 400)
        site.begin(ann)
        not_signed_in(ann, ann.get(theirs), 400)


def test_an_answer_is_good_once(site: Site) -> None:
    with site.browser() as browser:
        back = site.begin(browser)
        kept = browser.cookies.get("understudy_elsewhere")
        assert browser.get(back).status_code == 303
    with site.browser() as again:
        not_signed_in(again, again.get(back), 400)
    with site.browser() as again:
        again.cookies.set("understudy_elsewhere", str(kept), domain="127.0.0.1")
        not_signed_in(again, again.get(back), 400)


def test_a_code_of_another_sign_in_is_refused(site: Site) -> None:
    """Injected into one's own answer: the provider sees another verifier, or we another nonce."""
    with site.browser() as mallory, site.browser() as ann:
        stolen = parse_qs(urlsplit(site.begin(mallory)).query)["code"][0]
        own = parse_qs(urlsplit(site.begin(ann)).query)
        answer = ann.get(CALLBACK, params={"code": stolen, "state": own["state"][0]})
        not_signed_in(ann, answer, 403)


@pytest.mark.parametrize("cookie", ["", "x", "a.b.c.d.e", "eyJhbGciOiJub25lIn0.e30.", "x" * 5000])
def test_a_cookie_of_ones_own_making_is_none(site: Site, cookie: str) -> None:
    with site.browser() as browser:
        back = site.begin(browser)
        browser.cookies.clear()
        browser.cookies.set("understudy_elsewhere", cookie, domain="127.0.0.1")
        not_signed_in(browser, browser.get(back), 400)


@pytest.mark.parametrize(
    ("claim", "value"),
    [
        ("aud", "another-client"),
        ("aud", ["another-client", CLIENT_ID]),
        ("iss", "https://elsewhere.example"),
        ("nonce", "of-another-sign-in"),
        ("nonce", None),
        ("exp", 1_000_000_000),
        ("exp", None),
        ("iat", 99_999_999_999),
        ("sub", None),
        ("sub", ["p-1"]),
        ("sub", "x" * 600),
        ("azp", "another-client"),
        ("at_hash", "AAAAAAAAAAAAAAAAAAAAAA"),
    ],
)
def test_an_id_token_that_says_something_else_is_refused(
    site: Site, claim: str, value: object
) -> None:
    site.provider.said = {claim: value}
    with site.browser() as browser:
        not_signed_in(browser, site.sign_in(browser), 403)


def test_an_id_token_of_another_key_is_refused(site: Site) -> None:
    site.provider.signs_with = new_key()
    with site.browser() as browser:
        not_signed_in(browser, site.sign_in(browser), 403)


def test_keys_are_kept(site: Site) -> None:
    with site.browser() as browser:
        site.sign_in(browser)
    asked = list(site.provider.asked)
    with site.browser() as browser:
        assert site.sign_in(browser).status_code == 303
    assert site.provider.asked == asked


def test_another_issuer_named_on_the_way_back_is_refused(site: Site) -> None:
    with site.browser() as browser:
        own = parse_qs(urlsplit(site.begin(browser)).query)
        params = {"code": own["code"][0], "state": own["state"][0], "iss": "https://mallory.x"}
        not_signed_in(browser, browser.get(CALLBACK, params=params), 403)


@pytest.mark.parametrize("said", ["error=access_denied", "", "code="])
def test_a_provider_that_refuses_is_told_as_that(site: Site, said: str) -> None:
    with site.browser() as browser:
        state = parse_qs(urlsplit(site.begin(browser)).query)["state"][0]
        answer = browser.get(f"{CALLBACK}?state={state}&{said}&error_description=%3Cscript%3E")
        not_signed_in(browser, answer, 403)
        assert "<script>" not in answer.text


def test_an_answer_out_of_the_blue_is_refused(site: Site) -> None:
    with site.browser() as browser:
        not_signed_in(browser, browser.get(CALLBACK), 400)
        not_signed_in(browser, browser.get(f"{CALLBACK}?code=a&state=b"), 400)
        not_signed_in(browser, browser.get(f"{CALLBACK}?code={'a' * 9000}&state=b"), 400)


def test_a_provider_that_fails_between_is_told_as_that(site: Site) -> None:
    with site.browser() as browser:
        back = site.begin(browser)
        site.provider.down = True
        answer = browser.get(back)
        not_signed_in(browser, answer, 503)
        assert "answered 503" in answer.text


def test_a_provider_that_is_gone_is_told_as_that(site: Site) -> None:
    nobody = f"http://127.0.0.1:{free_port()}/realm"
    with site.told(UNDERSTUDY_OIDC_ISSUER=nobody), site.browser() as browser:
        answer = browser.get("/signin/oidc?next=/account")
        not_signed_in(browser, answer, 503)
        assert "does not answer" in answer.text


def test_a_group_administers(site: Site) -> None:
    person = {"sub": "p-9", "preferred_username": "root"}
    with site.told(UNDERSTUDY_OIDC_ADMIN_GROUP="ops"), site.registry.client() as admin:
        another = {"name": "keeper", "admin": True, "password": "a long enough one"}
        assert admin.post("/v1/users", json=another).status_code == 201
        for groups, status in ((["ops"], 200), (["dev"], 403), ("ops", 403), (["ops"], 200)):
            site.provider.person = {**person, "groups": groups}
            with site.browser() as browser:
                assert site.sign_in(browser).status_code == 303
                assert browser.get("/v1/audit").status_code == status


def test_strangers_may_be_kept_out(site: Site) -> None:
    with site.browser() as browser:
        site.sign_in(browser)
    with site.told(UNDERSTUDY_OIDC_SIGN_UP="false"):
        with site.browser() as browser:
            assert site.sign_in(browser).status_code == 303
        site.provider.person = {"sub": "p-77", "preferred_username": "stranger"}
        with site.browser() as browser:
            not_signed_in(browser, site.sign_in(browser), 403)


def test_the_disabled_stay_out(site: Site) -> None:
    site.provider.person = {"sub": "p-5", "preferred_username": "leaver"}
    with site.browser() as browser, site.registry.client() as admin:
        site.sign_in(browser)
        assert admin.patch("/v1/users/leaver", json={"disabled": True}).status_code == 200
        assert browser.get("/v1/me").status_code == 401
    with site.browser() as browser:
        not_signed_in(browser, site.sign_in(browser), 403)


def test_nothing_secret_is_logged(site: Site) -> None:
    log = site.registry.log()
    assert CLIENT_SECRET not in log
    assert "s" * 40 not in log
    assert "eyJ" not in log
    assert "code=" not in log


def test_an_attempt_is_answered_once_though_the_browser_keeps_its_cookie(site: Site) -> None:
    with site.browser() as browser:
        begun = browser.get("/signin/oidc")
        kept = browser.cookies.get("understudy_elsewhere")
        first, fresh = (httpx.get(begun.headers["Location"]).headers["Location"] for _ in range(2))
        assert browser.get(first).status_code == 303
    with site.browser() as other:
        other.cookies.set("understudy_elsewhere", str(kept), domain="127.0.0.1")
        answer = other.get(fresh)
        not_signed_in(other, answer, 400)
        assert "answered before" in answer.text
