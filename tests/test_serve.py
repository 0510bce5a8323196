"""The server: what it shows, whom it answers, and that nobody gets out of the runs folder or into a page."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from command_line import evolve
from hostile import harm_in
from hostile_run import make_hostile_run
from page_parts import made_run
from starlette.testclient import TestClient

from evolve.archive import Store
from evolve.serve.app import make_app
from evolve.serve.questions import waiting


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("served") / "runs"
    made_run(folder / "one", 24)
    made_run(folder / "two", 12, seed=2)
    make_hostile_run(folder / "r[red] <b>&\"'")
    (folder / "broken").mkdir()
    (folder / "broken" / "archive.db").write_text("no database")
    (folder.parent / "outside").mkdir()
    (folder.parent / "outside" / "archive.db").write_bytes((folder / "one" / "archive.db").read_bytes())
    (folder / "link").symlink_to(folder.parent / "outside")
    return folder


@pytest.fixture(scope="module")
def client(runs: Path) -> TestClient:
    return TestClient(make_app(runs), base_url="http://127.0.0.1:8765", follow_redirects=False)


def test_the_list_has_every_run_whatever_is_wrong_with_one(client: TestClient) -> None:
    page = client.get("/").text
    for name in ("one", "two", "broken"):
        assert f'data-name="{name}"' in page
    assert page.count("<tr data-name=") == 4 and "is not the archive of a run" in page


def test_a_run_its_facts_its_programs_and_its_files_are_those_of_the_archive(client: TestClient, runs: Path) -> None:
    page = client.get("/run/one/").text
    assert 'data-live="/run/one"' in page and "Why is the best program better?" in page
    with Store.open(runs / "one") as store:
        best = store.best()
        assert best is not None
        count = len(store.programs())
    facts = client.get("/run/one/facts.json").json()
    assert facts["best"] == best.id and len(facts["columns"]["id"]) == count
    state = client.get("/run/one/state.json").json()
    assert (state["status"], state["evaluations"], state["questions"]) == ("finished", 24, 0)
    texts = client.get(f"/run/one/programs/{best.id}.json").json()
    assert texts["source"] == best.source and texts["prompt"] and texts["answer"]
    baseline = min(facts["columns"]["id"])
    if baseline < 0:
        assert client.get(f"/run/one/programs/{baseline}.json").json()["id"] == baseline
    assert client.get("/run/one/programs/9999.json").status_code == 404
    assert client.get("/run/one/best.py").text == best.source
    report = client.get("/run/one/report.html")
    assert (
        "attachment" in report.headers["content-disposition"]
        and '<script type="text/plain" id="texts-0">' in report.text
    )
    compared = client.get("/compare?run=one&run=two").text
    assert "2 runs compared" in compared and client.get("/compare?run=one").status_code == 400


def test_every_answer_carries_the_strict_policy_and_no_page_has_script_of_its_own(client: TestClient) -> None:
    for path in ("/", "/run/one/", "/run/one/questions", "/compare?run=one&run=two", "/assets/page.js", "/no/such"):
        said = client.get(path)
        policy = said.headers["content-security-policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy and "frame-ancestors 'none'" in policy
        assert said.headers["x-content-type-options"] == "nosniff"
        for tag in re.findall(r"<script[^>]*>", said.text if "html" in said.headers["content-type"] else ""):
            assert 'src="/assets/' in tag or 'type="application/json"' in tag, tag
        if "html" in said.headers["content-type"]:
            assert not re.search(r"<[^>]+ (style|on\w+)=", said.text) and "<style" not in said.text


def test_hostile_names_programs_and_answers_are_dead_text_on_every_page(client: TestClient) -> None:
    page = client.get("/").text
    assert harm_in(page) == [] and "<b>&" not in page
    (address,) = set(re.findall(r'href="(/run/r[^"/]*)/"', page))
    best = client.get(f"{address}/facts.json").json()["best"]
    for path in (f"{address}/", f"{address}/questions", f"{address}/facts.json", f"{address}/programs/{best}.json"):
        said = client.get(path)
        assert said.status_code == 200 and harm_in(said.text) == [], path
        if "html" in said.headers["content-type"]:
            assert "<img" not in said.text and "<script>alert" not in said.text and "<b>&" not in said.text


@pytest.mark.parametrize(
    "path",
    [
        "/run/../outside/",
        "/run/..%2Foutside/",
        "/run/%2e%2e/",
        "/run/link/",
        "/run/broken/../one/archive.db",
        "/run/one/archive.db",
        "/assets/..%2F..%2Frun_page.py",
        "/assets/uPlot-LICENSE.txt",
        "/run/one/programs/-1/../../config.toml",
        "/run/none/",
        "/run/%00/",
    ],
)
def test_no_address_leads_out_of_the_runs_folder_or_to_a_file(client: TestClient, path: str) -> None:
    said = client.get(path)
    assert said.status_code == 404 and "no such page" in said.text


def test_a_broken_archive_is_a_line_and_no_traceback(client: TestClient) -> None:
    said = client.get("/run/broken/")
    assert said.status_code == 409 and "is not the archive of a run" in said.text and len(said.text.splitlines()) == 1


def test_a_name_of_elsewhere_that_leads_to_this_machine_is_refused(runs: Path) -> None:
    evil = TestClient(make_app(runs), base_url="http://evil.example:8765")
    assert evil.get("/").status_code == 403
    for host in ("http://localhost:1", "http://[::1]:8765"):
        assert TestClient(make_app(runs), base_url=host).get("/").status_code == 200


def test_bound_elsewhere_only_who_brings_the_token_gets_in(runs: Path) -> None:
    outside = TestClient(make_app(runs, "s3cret"), base_url="http://host.example", follow_redirects=False)
    for path in ("/", "/run/one/", "/run/one/facts.json", "/assets/page.js", "/?token=wrong", "/no/such"):
        assert outside.get(path).status_code == 401, path
    let_in = outside.get("/run/one/?token=s3cret")
    assert let_in.status_code == 303 and let_in.headers["location"] == "/run/one/"
    assert "HttpOnly" in let_in.headers["set-cookie"] and "SameSite=strict" in let_in.headers["set-cookie"]
    assert outside.get("/run/one/").status_code == 200


def test_a_person_answers_a_question_once_and_from_this_server_only(client: TestClient, runs: Path) -> None:
    outbox = runs / "one" / "outbox"
    outbox.mkdir()
    (outbox / "7.md").write_text("Improve this: </pre><script>alert(1)</script>\x1b[2J")
    (outbox / "8.md.part").write_text("not whole")
    (outbox / "notes.md").write_text("no step")
    assert [one.step for one in waiting(runs / "one")] == [7]
    page = client.get("/run/one/questions").text
    assert "<script>" not in page and "&lt;/pre&gt;" in page and harm_in(page) == []
    own = {"origin": "http://127.0.0.1:8765"}
    answered = {"answer": "```python\r\nX = 1\r\n```"}
    for headers in ({}, {"origin": "http://evil.example"}, {"origin": "null"}):
        assert client.post("/run/one/answers/7", data=answered, headers=headers).status_code == 403
    assert client.post("/run/one/answers/9", data=answered, headers=own).status_code == 409
    assert client.post("/run/one/answers/7", data={"answer": "  "}, headers=own).status_code == 409
    assert client.get("/run/one/answers/7").status_code == 404
    assert not (runs / "one" / "inbox").exists()
    done = client.post("/run/one/answers/7", data=answered, headers=own)
    assert done.status_code == 303 and done.headers["location"] == "/run/one/questions"
    assert (runs / "one" / "inbox" / "7.md").read_text() == "```python\nX = 1\n```"
    assert client.post("/run/one/answers/7", data=answered, headers=own).status_code == 409
    assert [path.name for path in (runs / "one" / "inbox").iterdir()] == ["7.md"]


def test_nothing_but_an_answer_changes_a_run(client: TestClient, runs: Path) -> None:
    before = {p: p.read_bytes() for p in (runs / "two").rglob("*") if p.is_file() and "archive" not in p.name}
    for path in ("/", "/run/two/", "/run/two/facts.json", "/run/two/report.html"):
        client.get(path)
        for method in ("POST", "PUT", "DELETE"):
            assert client.request(method, path).status_code in (404, 405)
    assert {p: p.read_bytes() for p in (runs / "two").rglob("*") if p.is_file() and "archive" not in p.name} == before


def test_an_empty_folder_and_a_missing_one_say_what_to_do(tmp_path: Path) -> None:
    page = TestClient(make_app(tmp_path), base_url="http://127.0.0.1").get("/").text
    assert "There is no run here yet" in page
    said = evolve("serve", tmp_path / "none")
    assert said.code == 2 and "is no folder of runs" in said.err
