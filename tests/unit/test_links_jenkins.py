"""Which links the Jenkins processor serves, and the POST that each becomes."""

from __future__ import annotations

import pytest

from test_executions_rerunner import JenkinsProcessor, RequestProcessingError

ORIGIN = "http://jenkins.example:8080"
REPORTING = {"TEST_OBSERVER_REPORTING": True}


def post_for(link: object, origin: str = ORIGIN, family: object = "snap") -> object:
    processor = JenkinsProcessor("admin", "token", jenkins_url=origin)
    return processor.process({"ci_link": link, "family": family})


@pytest.mark.parametrize(
    ("path", "job"),
    [
        pytest.param("/job/a/30/", "/job/a", id="plain"),
        pytest.param("/job/a/30", "/job/a", id="no slash at the end"),
        pytest.param("/job/a/30/console", "/job/a", id="console"),
        pytest.param("/job/a/30/consoleFull", "/job/a", id="full console"),
        pytest.param("/job/a/30/consoleText", "/job/a", id="console as text"),
        pytest.param("/job/a/30/display/redirect", "/job/a", id="redirect to what is displayed"),
        pytest.param("/job/a/30/display/redirect?page=tests", "/job/a", id="redirect with a query"),
        pytest.param("/job/a/30/testReport/", "/job/a", id="test report"),
        pytest.param("/job/a/30/artifact/out/log.txt", "/job/a", id="artifact"),
        pytest.param("/job/a/30/pipeline-overview/", "/job/a", id="pipeline overview"),
        pytest.param("/job/a/30/#top", "/job/a", id="fragment"),
        pytest.param("/job/f/job/a/30/", "/job/f/job/a", id="folder"),
        pytest.param("/job/f/job/g/job/a/30/", "/job/f/job/g/job/a", id="folders"),
        pytest.param("/view/V/job/a/30/", "/job/a", id="view"),
        pytest.param("/view/V/view/W/job/a/30/", "/job/a", id="nested views"),
        pytest.param("/job/f/view/V/job/a/30/", "/job/f/job/a", id="view of a folder"),
        pytest.param("/job/job/30/", "/job/job", id="job called job"),
        pytest.param("/job/view/30/", "/job/view", id="job called view"),
        pytest.param("/job/7/30/", "/job/7", id="job called by a number"),
        pytest.param("/job/m/job/feature%252Fx/3/", "/job/m/job/feature%252Fx", id="branch with a slash"),
        pytest.param("/job/cert-24.04/30/", "/job/cert-24.04", id="dot"),
        pytest.param("/job/a%20b/30/", "/job/a%20b", id="space"),
        pytest.param("/job/a+b/30/", "/job/a+b", id="plus"),
        pytest.param("/job/a%2Bb/30/", "/job/a+b", id="quoted plus is the same plus"),
        pytest.param("/job/%C3%BCber/30/", "/job/%C3%BCber", id="umlaut"),
        pytest.param("/job/über/30/", "/job/%C3%BCber", id="umlaut not quoted"),
        pytest.param("/job/(a)'~%3D/30/", "/job/(a)'~=", id="other signs that a name may hold"),
        pytest.param("/job/A/30/", "/job/A", id="upper case stays as it was written"),
        pytest.param("/job/a/2147483647/", "/job/a", id="large number"),
    ],
)
def test_a_link_to_a_build_becomes_the_trigger_of_its_job(path: str, job: str) -> None:
    assert post_for(f"{ORIGIN}{path}") == {"url": f"{ORIGIN}{job}/buildWithParameters", "json": REPORTING}


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("", id="no path"),
        pytest.param("/", id="root"),
        pytest.param("/job/a/", id="job without build"),
        pytest.param("/job/a/lastBuild/", id="permalink"),
        pytest.param("/job/a/lastSuccessfulBuild/", id="another permalink"),
        pytest.param("/job/a/AXIS=v/30/", id="matrix axis"),
        pytest.param("/job/a/0/", id="build 0"),
        pytest.param("/job/a/007/", id="leading zeros"),
        pytest.param("/job/a/-1/", id="negative"),
        pytest.param("/job/a/+1/", id="sign"),
        pytest.param("/job/a/1e3/", id="exponent"),
        pytest.param("/job/a/12345678901/", id="no number of a build is that long"),
        pytest.param("/job/a/٣/", id="arabic digit"),
        pytest.param("/job/a/%D9%A3/", id="quoted arabic digit"),
        pytest.param("/job/a/\uff13/", id="full-width digit"),
        pytest.param("/job/a/²/", id="superscript digit"),
        pytest.param("/blue/organizations/jenkins/f%2Fa/detail/a/30/pipeline", id="Blue Ocean"),
        pytest.param("/user/U/my-views/view/V/job/a/30", id="a user's view"),
        pytest.param("/queue/item/3/", id="queue item"),
        pytest.param("/30/", id="number alone"),
        pytest.param("/view/V/30/", id="view without job"),
        pytest.param("/JOB/a/30/", id="another case of job"),
        pytest.param("//job/a/30/", id="empty segment at the start"),
        pytest.param("/job//30/", id="empty name"),
        pytest.param("/job/a//30/", id="empty segment"),
        pytest.param("/job/a/30//", id="empty segment after the number"),
        pytest.param("/job/./30/", id="dot as name"),
        pytest.param("/job/../30/", id="two dots as name"),
        pytest.param("/job/%2e%2E/30/", id="quoted dots"),
        pytest.param("/job/a/../b/30/", id="way up"),
        pytest.param("/job/a/30/../../b/31/", id="way up in the noise"),
        pytest.param("/job/a%2Fb/30/", id="quoted slash"),
        pytest.param("/job/a%2fjob%2fb/30/", id="quoted folder"),
        pytest.param("/job/a%5Cb/30/", id="quoted backslash"),
        pytest.param("/job/a\\b/30/", id="backslash"),
        pytest.param("/job/a%0Ab/30/", id="quoted line feed"),
        pytest.param("/job/a%00/30/", id="quoted zero"),
        pytest.param("/job/a%E2%80%A8b/30/", id="quoted line separator"),
        pytest.param("/job/a\n/30/", id="line feed"),
        pytest.param("/job/a\t/30/", id="tab"),
        pytest.param("/job/a/30/\r", id="carriage return"),
        pytest.param("/job/a/30/ ", id="blank behind"),
        pytest.param("/job/a\u2028/30/", id="line separator"),
        pytest.param("/job/%FF/30/", id="not UTF-8"),
        pytest.param("/job/\ud800/30/", id="lone surrogate"),
        pytest.param(f"/job/{'a' * 2000}/30/", id="longer than any link"),
    ],
)
def test_a_link_to_anything_else_is_refused(path: str) -> None:
    with pytest.raises(RequestProcessingError):
        post_for(f"{ORIGIN}{path}")


@pytest.mark.parametrize(
    "link",
    [
        pytest.param("HTTP://jenkins.example:8080/job/a/1/", id="upper-case scheme"),
        pytest.param("http://JENKINS.Example:8080/job/a/1/", id="upper-case host"),
    ],
)
def test_the_case_of_scheme_and_host_does_not_matter(link: str) -> None:
    assert post_for(link) == {"url": f"{ORIGIN}/job/a/buildWithParameters", "json": REPORTING}


@pytest.mark.parametrize(
    ("origin", "link"),
    [
        pytest.param("http://j.example", "http://j.example:80/job/a/1/", id="http's in the link"),
        pytest.param("http://j.example:80", "http://j.example/job/a/1/", id="http's in the setting"),
        pytest.param("https://j.example", "https://j.example:443/job/a/1/", id="https's in the link"),
        pytest.param("https://j.example:443", "https://j.example/job/a/1/", id="https's in the setting"),
        pytest.param("https://j.example/", "https://j.example/job/a/1/", id="slash at the end of the setting"),
    ],
)
def test_a_default_port_may_be_written_or_not(origin: str, link: str) -> None:
    scheme = origin.partition(":")[0]
    assert post_for(link, origin) == {"url": f"{scheme}://j.example/job/a/buildWithParameters", "json": REPORTING}


@pytest.mark.parametrize(
    "origin",
    [
        pytest.param("http://jenkins.example/ci", id="one level"),
        pytest.param("http://jenkins.example/ci/", id="slash at the end"),
        pytest.param("http://jenkins.example:9090/a/b", id="two levels and a port"),
        pytest.param("http://[::1]:8080/ci", id="IPv6"),
        pytest.param("http://[2001:DB8::1]", id="IPv6 in upper case"),
    ],
)
def test_a_context_path_is_part_of_the_origin(origin: str) -> None:
    base = origin.rstrip("/")
    expected = {"url": f"{base.lower()}/job/a/buildWithParameters", "json": REPORTING}
    assert post_for(f"{base}/job/a/1/", origin) == expected


@pytest.mark.parametrize(
    ("origin", "link"),
    [
        pytest.param(ORIGIN, "http://jenkins.example/job/a/1/", id="no port"),
        pytest.param(ORIGIN, "http://jenkins.example:80/job/a/1/", id="another port"),
        pytest.param(ORIGIN, "https://jenkins.example:8080/job/a/1/", id="another scheme"),
        pytest.param(ORIGIN, "ftp://jenkins.example:8080/job/a/1/", id="no HTTP"),
        pytest.param(ORIGIN, "//jenkins.example:8080/job/a/1/", id="no scheme"),
        pytest.param(ORIGIN, "/job/a/1/", id="path alone"),
        pytest.param(ORIGIN, "http:/jenkins.example:8080/job/a/1/", id="one slash"),
        pytest.param(ORIGIN, "http:///jenkins.example:8080/job/a/1/", id="three slashes"),
        pytest.param(ORIGIN, "http://jenkins.example.evil.example:8080/job/a/1/", id="host that begins alike"),
        pytest.param(ORIGIN, "http://evil-jenkins.example:8080/job/a/1/", id="host that ends alike"),
        pytest.param(ORIGIN, "http://jenkins.example.:8080/job/a/1/", id="dot behind the host"),
        pytest.param(ORIGIN, "http://jenk\u0131ns.example:8080/job/a/1/", id="letter that looks alike"),
        pytest.param(ORIGIN, "http://\uff4aenkins.example:8080/job/a/1/", id="full-width letter"),
        pytest.param(ORIGIN, "http://jenkins。example:8080/job/a/1/", id="ideographic full stop"),
        pytest.param(ORIGIN, "http://jenkins.example:8080@evil.example/job/a/1/", id="origin as user information"),
        pytest.param(ORIGIN, "http://user@jenkins.example:8080/job/a/1/", id="user"),
        pytest.param(ORIGIN, "http://user:pw@jenkins.example:8080/job/a/1/", id="user and password"),
        pytest.param(ORIGIN, "http://@jenkins.example:8080/job/a/1/", id="empty user"),
        pytest.param(
            ORIGIN, "http://evil.example\\@jenkins.example:8080/job/a/1/", id="backslash before user information"
        ),
        pytest.param(
            ORIGIN, "http://evil.example#@jenkins.example:8080/job/a/1/", id="fragment before user information"
        ),
        pytest.param(ORIGIN, "http://evil.example?@jenkins.example:8080/job/a/1/", id="query before user information"),
        pytest.param(ORIGIN, "http://jenkins.example:8080%40evil.example/job/a/1/", id="quoted at"),
        pytest.param(ORIGIN, "http://jenkins.example:\uff18\uff10\uff18\uff10/job/a/1/", id="full-width port"),
        pytest.param(ORIGIN, "http://jenkins.example:٨٠٨٠/job/a/1/", id="arabic port"),
        pytest.param(ORIGIN, "http://jenkins.example:+8080/job/a/1/", id="sign before the port"),
        pytest.param(ORIGIN, "http://jenkins.example:8080 /job/a/1/", id="blank behind the port"),
        pytest.param(ORIGIN, " http://jenkins.example:8080/job/a/1/", id="blank before"),
        pytest.param(ORIGIN, "http://[::1/job/a/1/", id="open bracket"),
        pytest.param("http://[::1]:8080", "http://[::2]:8080/job/a/1/", id="another IPv6 address"),
        pytest.param("http://[::1]:8080", "http://::1:8080/job/a/1/", id="IPv6 without brackets"),
        pytest.param("http://[::1]:8080", "http://[::1%25lo]:8080/job/a/1/", id="IPv6 zone"),
        pytest.param("http://127.0.0.1", "http://2130706433/job/a/1/", id="IPv4 as one number"),
        pytest.param("http://127.0.0.1", "http://0x7f.1/job/a/1/", id="IPv4 in hexadecimal"),
        pytest.param("http://j.example/ci", "http://j.example/job/a/1/", id="no context path"),
        pytest.param("http://j.example/ci", "http://j.example/ci2/job/a/1/", id="context path that begins alike"),
        pytest.param("http://j.example/ci", "http://j.example/CI/job/a/1/", id="context path in another case"),
        pytest.param("http://j.example/ci", "http://j.example/%63i/job/a/1/", id="quoted context path"),
        pytest.param("http://j.example/ci", "http://j.example/ci/../x/job/a/1/", id="way out of the context path"),
        pytest.param("http://j.example/ci", "http://j.example/x/../ci/job/a/1/", id="way into the context path"),
        pytest.param(
            "http://j.example/ci", "http://j.example//ci/job/a/1/", id="empty segment before the context path"
        ),
    ],
)
def test_a_link_to_anywhere_else_is_refused(origin: str, link: str) -> None:
    with pytest.raises(RequestProcessingError, match="ci_link"):
        post_for(link, origin)


def test_a_link_to_another_origin_is_refused_naming_both() -> None:
    with pytest.raises(RequestProcessingError) as refused:
        post_for("https://evil.example:444/job/a/1/")
    assert "https://evil.example:444" in str(refused.value)
    assert ORIGIN in str(refused.value)


@pytest.mark.parametrize(
    ("family", "parameters"),
    [
        pytest.param("snap", REPORTING, id="snap"),
        pytest.param("deb", {**REPORTING, "TESTPLAN": "full"}, id="deb"),
    ],
)
def test_a_family_has_its_own_parameters(family: str, parameters: dict[str, object]) -> None:
    post = post_for(f"{ORIGIN}/job/a/1/", family=family)
    assert post == {"url": f"{ORIGIN}/job/a/buildWithParameters", "json": parameters}


@pytest.mark.parametrize(
    "family",
    [
        pytest.param("charm", id="family without parameters"),
        pytest.param("SNAP", id="another case"),
        pytest.param("", id="empty"),
        pytest.param(None, id="none"),
        pytest.param(["snap"], id="list"),
        pytest.param({"snap": 1}, id="object"),
        pytest.param(True, id="boolean"),
        pytest.param("snap\ud800", id="lone surrogate"),
    ],
)
def test_any_other_family_is_refused(family: object) -> None:
    with pytest.raises(RequestProcessingError, match="family"):
        post_for(f"{ORIGIN}/job/a/1/", family=family)


@pytest.mark.parametrize(
    ("written", "family", "parameters"),
    [
        pytest.param(["A=1"], "snap", {**REPORTING, "A": "1"}, id="for all families served"),
        pytest.param(["A=1"], "deb", {**REPORTING, "TESTPLAN": "full", "A": "1"}, id="for the other family too"),
        pytest.param(["charm:A=1"], "charm", {**REPORTING, "A": "1"}, id="serves one more family"),
        pytest.param(["charm:A=1"], "snap", REPORTING, id="and leaves the others alone"),
        pytest.param(["charm:A=1", "B=2"], "charm", {**REPORTING, "A": "1", "B": "2"}, id="for all, that one too"),
        pytest.param(["TESTPLAN=smoke"], "deb", {**REPORTING, "TESTPLAN": "smoke"}, id="replaces a default"),
        pytest.param(["deb:TESTPLAN="], "deb", {**REPORTING, "TESTPLAN": ""}, id="empty value"),
        pytest.param(["deb:A=1", "A=2"], "deb", {**REPORTING, "TESTPLAN": "full", "A": "1"}, id="the family's wins"),
        pytest.param("A=1\nB=x=y:z", "snap", {**REPORTING, "A": "1", "B": "x=y:z"}, id="one text with lines"),
    ],
)
def test_build_parameters_are_added(written: object, family: str, parameters: dict[str, object]) -> None:
    processor = JenkinsProcessor("admin", "token", build_parameters=written)  # type: ignore[arg-type] # both kinds
    request = {"ci_link": "http://10.102.156.15:8080/job/a/1/", "family": family}
    assert processor.process(request)["json"] == parameters


def test_a_parameter_for_all_families_makes_none_served() -> None:
    processor = JenkinsProcessor("admin", "token", build_parameters=["A=1"])
    with pytest.raises(RequestProcessingError, match="family 'charm'"):
        processor.process({"ci_link": "http://10.102.156.15:8080/job/a/1/", "family": "charm"})


def test_the_parameters_of_one_request_are_not_those_of_the_next() -> None:
    processor = JenkinsProcessor("admin", "token", jenkins_url=ORIGIN)
    request = {"ci_link": f"{ORIGIN}/job/a/1/", "family": "snap"}
    processor.process(request)["json"]["EVIL"] = "x"
    assert processor.process(request)["json"] == REPORTING
    assert JenkinsProcessor.process({**request, "ci_link": "http://10.102.156.15:8080/job/a/1/"})["json"] == REPORTING


PUBLIC = "https://ci.example/jenkins"


@pytest.mark.parametrize("link", [f"{PUBLIC}/job/f/job/lab/29/console", f"{ORIGIN}/job/f/job/lab/29/"])
def test_links_to_the_public_address_are_served_by_the_controller(link: str) -> None:
    processor = JenkinsProcessor("admin", "token", jenkins_url=ORIGIN, jenkins_public_url=PUBLIC)
    post = processor.process({"ci_link": link, "family": "snap"})
    assert post["url"] == f"{ORIGIN}/job/f/job/lab/buildWithParameters"


@pytest.mark.parametrize(
    "link",
    [
        pytest.param("https://ci.example/job/lab/29/", id="outside the context path"),
        pytest.param("http://ci.example/jenkins/job/lab/29/", id="another scheme"),
        pytest.param("https://ci.example.org/jenkins/job/lab/29/", id="a host that begins alike"),
        pytest.param("https://x@ci.example/jenkins/job/lab/29/", id="user information"),
    ],
)
def test_a_link_to_neither_address_is_refused(link: str) -> None:
    processor = JenkinsProcessor("admin", "token", jenkins_url=ORIGIN, jenkins_public_url=PUBLIC)
    with pytest.raises(RequestProcessingError, match="is not served"):
        processor.process({"ci_link": link, "family": "snap"})


def test_a_refusal_names_both_addresses_that_are_served() -> None:
    processor = JenkinsProcessor("admin", "token", jenkins_url=ORIGIN, jenkins_public_url=PUBLIC)
    with pytest.raises(RequestProcessingError) as refused:
        processor.process({"ci_link": "http://other.example/job/lab/29/", "family": "snap"})
    assert all(address in str(refused.value) for address in (ORIGIN, PUBLIC, "http://other.example"))


def test_nothing_is_sent_to_the_public_address() -> None:
    processor = JenkinsProcessor("admin", "token", jenkins_url=ORIGIN, jenkins_public_url=PUBLIC)
    with pytest.raises(RequestProcessingError, match="is not served"):
        processor.submit({"url": f"{PUBLIC}/job/lab/buildWithParameters", "json": {}})


def test_a_public_address_that_is_none_is_refused_with_its_name() -> None:
    with pytest.raises(ValueError, match="jenkins_public_url"):
        JenkinsProcessor("admin", "token", jenkins_public_url="ci.example")
