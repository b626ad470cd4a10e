"""The metrics of a trouble, recorded from a real stack, and as input of `promtool test rules`."""

import json
import re
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families
from support.settings import ROOT

FOLDER = ROOT / "tests/operations/series"
RULES = ROOT / "docs/monitoring/alerts.yaml"
STEP_SECONDS = 30
BEFORE, TROUBLE, AFTER = 20, 80, 75  # minutes: well, in trouble, well again
GROWING_RATE = (0.7, 1.3)  # seconds a second: an age that grows


def used_metrics():
    """Return the names of the metrics that the rules read."""
    return set(re.findall(r"\bpetition_[a-z_]+", RULES.read_text(encoding="utf-8")))


def parse_metrics(text, names=None):
    """Return the samples of an answer by name and labels, those with a name of `names`; every one if it is None."""
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if names is None or sample.name in names:
                labels = ",".join(f'{key}="{value}"' for key, value in sorted(sample.labels.items()))
                found[f"{sample.name}{{{labels}}}"] = sample.value
    return found


def save(name, scrapes, seconds):
    """Write six scrapes, two each of well, in trouble and well again; seconds between the two of each."""
    keys = sorted(set().union(*scrapes))
    series = {key: [_round(scrape.get(key)) for scrape in scrapes] for key in keys}
    lines = ",\n".join(f" {json.dumps(key)}: {json.dumps(values)}" for key, values in series.items())
    head = json.dumps([round(each, 1) for each in seconds])
    _path(name).write_text(f'{{"seconds": {head}, "series": {{\n{lines}\n}}}}\n', encoding="utf-8")


def load(name):
    """Return what `save` wrote."""
    return json.loads(_path(name).read_text(encoding="utf-8"))


def _path(name) -> Path:
    return FOLDER / f"{name.replace(', ', ' ').replace(' ', '-')}.json"


def _round(value):
    return None if value is None else round(value, 3)


def make_input_series(recorded):
    """Return the recorded series as promtool takes them: each phase goes on as its two scrapes show.

    A counter goes on at its rate, an age that grew goes on growing, and any other gauge stays. After the trouble, what
    it had held up is added at once, and counters go on as before it.
    """
    moved = {_bucket_group(key) for key, values in recorded["series"].items() if len(set(values)) > 1}
    steps = [minutes * 60 // STEP_SECONDS for minutes in (BEFORE, TROUBLE, AFTER)]
    return [
        {"series": _with_target(key), "values": " ".join(_phases(key, values, recorded["seconds"], steps))}
        for key, values in recorded["series"].items()
        if "_bucket{" not in key or _bucket_group(key) in moved  # a histogram that counted nothing adds nothing
    ]


def _bucket_group(key):
    return re.sub(r'le="[^"]*",?', "", key)


def _with_target(key):
    return key.replace("{", '{instance="web:8000",job="petition",', 1).replace(",}", "}")


def _phases(key, values, seconds, steps):
    is_counter = key.split("{")[0].endswith(("_total", "_bucket", "_count", "_sum"))
    total, last = 0.0, None
    for phase, count in enumerate(steps):
        first, second = values[2 * phase : 2 * phase + 2]
        if second is None:
            yield f"_x{count - 1}"
            continue
        rate = 0.0 if first is None else (second - first) / seconds[phase]
        if phase == 2 and is_counter:
            first, rate = second, 0.0 if None in values[:2] else (values[1] - values[0]) / seconds[0]
        if not is_counter:
            growth = rate if "_seconds{" in key and GROWING_RATE[0] <= rate <= GROWING_RATE[1] else 0.0
            yield f"{second:.6f}{growth * STEP_SECONDS:+.6f}x{count - 1}"
            continue
        # What was added between the two phases is added at their seam.
        total = second if last is None else total + max(0.0, second - last)
        yield f"{total:.6f}{rate * STEP_SECONDS:+.6f}x{count - 1}"
        total, last = total + rate * STEP_SECONDS * (count - 1), second
