"""The page in a browser: headless Chromium, as people have it, without a network."""

import html
import json
import re
import shutil
import subprocess

import pytest

from kerasblocks.search.report import write_report
from kerasblocks.search.report.charts.style import DARK, LIGHT
from tests.search.report.made import made

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")

# The page stands in frames of a phone's and of a desktop's width (a window of
# Chromium's own is never narrower than 500), unchanged: no script runs in it.
HOST = """<!doctype html><body>
<iframe id="phone" width="360" height="800" srcdoc="{page}"></iframe>
<iframe id="desk" width="1280" height="800" srcdoc="{page}"></iframe>
<pre id="found"></pre>
<script>
const look = frame => {{
  const view = frame.contentWindow, page = frame.contentDocument;
  const style = element => view.getComputedStyle(element);
  const inside = element => element.getBoundingClientRect();
  const root = page.documentElement;
  const stroke = name => {{
    const found = page.querySelector(`[style*="${{name}}"]`);
    return found && style(found).stroke;
  }};
  return {{
    inner: view.innerWidth, scroll: root.scrollWidth,
    paper: style(page.body).backgroundColor, ink: style(page.body).color,
    grid: stroke("stroke: var(--line)"),
    outside: [...page.querySelectorAll("h1, h2, p, dl, svg, .scroll, pre")]
      .filter(one => !one.closest(".scroll svg") && !one.closest("details"))
      .filter(one => inside(one).right > view.innerWidth + 1 || inside(one).left < 0)
      .map(one => one.outerHTML.slice(0, 80)),
    smallest: Math.min(...[...page.querySelectorAll("svg text")].map(
      one => parseFloat(style(one).fontSize) * one.getScreenCTM().a)),
    empty: [...page.querySelectorAll("svg")]
      .filter(one => inside(one).height < 40).length,
    fetched: view.performance.getEntriesByType("resource").length,
    sections: page.querySelectorAll("section").length,
  }};
}};
onload = () => {{
  document.getElementById("found").textContent = JSON.stringify(
    {{phone: look(phone), desk: look(desk)}});
}};
</script>"""


def open_in(folder, page, *options):
    """What the browser found of the page, and what it said on its console."""
    host = folder / "host.html"
    host.write_text(HOST.format(page=html.escape(page)), encoding="utf-8")
    done = subprocess.run(
        [
            *(CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu"),
            *("--enable-logging=stderr", "--disable-background-networking"),
            *("--host-resolver-rules=MAP * ~NOTFOUND", "--window-size=1400,1000"),
            *(f"--user-data-dir={folder / 'profile'}", *options),
            *("--dump-dom", host.as_uri()),
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    found = re.search(r'<pre id="found">(.*?)</pre>', done.stdout, re.DOTALL)
    said = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    return json.loads(html.unescape(found[1])), said


def rgb(colour):
    return f"rgb({', '.join(str(int(colour[i : i + 2], 16)) for i in (1, 3, 5))})"


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """A page of every kind of trial, with names that are too long for a phone."""
    folder = tmp_path_factory.mktemp("made")
    result = made(folder=folder, name="a_name_without_end_" * 5, extra=4)
    return write_report(result).read_text("utf-8")


@pytest.mark.parametrize(
    ("scheme", "palette"), [(1, LIGHT), (0, DARK)], ids=["light", "dark"]
)
def test_it_reads_on_a_phone_and_in_the_dark(tmp_path, page, scheme, palette):
    found, said = open_in(
        tmp_path, page, f"--blink-settings=preferredColorScheme={scheme}"
    )
    assert said == []
    for frame, width in (("phone", 360), ("desk", 1280)):
        seen = found[frame]
        assert seen["scroll"] <= seen["inner"] == width
        assert seen["outside"] == []
        assert seen["paper"] == rgb(palette["paper"])
        assert seen["ink"] == rgb(palette["ink"])
        assert seen["grid"] == rgb(palette["line"])
        assert seen["smallest"] > 7.4
        assert (seen["fetched"], seen["empty"], seen["sections"]) == (0, 0, 11)


def test_it_reads_before_the_first_trial(tmp_path):
    page = write_report(made(0, tmp_path)).read_text("utf-8")
    found, said = open_in(tmp_path, page)
    assert said == []
    assert found["phone"]["scroll"] <= 360
    assert found["phone"]["sections"] == 1


def test_the_browser_would_say_what_is_wrong(tmp_path):
    """The test of the test: something from outside, and something too wide."""
    page = write_report(made(1, tmp_path)).read_text("utf-8")
    wide = '<pre style="width: 2000px">a</pre><img src="https://example.org/a.png">'
    found, said = open_in(tmp_path, page.replace("<main>", f"<main>{wide}"))
    assert found["phone"]["scroll"] > 360
    assert found["phone"]["outside"]
    assert any("Content Security Policy" in line for line in said)
