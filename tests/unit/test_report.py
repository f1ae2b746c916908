"""The report: one self-contained page that holds every section and the numbers of the runs."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from types import SimpleNamespace

import factories
import numpy as np
import pytest
from numpy.testing import assert_allclose

from perovsim.findings import findings_table, shown
from perovsim.report import write_report
from perovsim.report.chain import chain_figure
from perovsim.report.tables import conservation, outcome, parameters, reactions, standing, steps
from perovsim.study import load_study


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    runs = factories.results()
    folder = tmp_path_factory.mktemp("report")
    path = write_report(load_study("nanoled_like"), folder, runs, findings_table(runs))
    return path.read_text(encoding="utf-8")


class Balanced(HTMLParser):
    """Collects headings and complains about tags that do not nest."""

    void = {"meta", "img", "link", "br"}

    def __init__(self):
        super().__init__()
        self.open, self.ids, self.targets = [], set(), set()

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.ids.add(attrs.get("id"))
        self.targets.add(attrs.get("href"))
        if tag not in self.void:
            self.open.append(tag)

    def handle_endtag(self, tag):
        last = self.open.pop()
        assert last == tag, f"</{tag}> closes <{last}>"


def test_the_page_is_well_formed_and_its_links_lead_somewhere(page):
    reader = Balanced()
    reader.feed(page)
    assert reader.open == []
    for target in reader.targets - {None}:
        assert target.startswith("#") and target[1:] in reader.ids


def test_the_page_needs_no_network(page):
    sources = re.findall(r'(?:src|href)="([^"]{0,30})', page)
    assert sources
    for source in sources:
        assert source.startswith(("data:image/png;base64,", "#"))
    assert "@import" not in page and "url(" not in page.split("</style>")[0]


def test_the_page_holds_every_part_a_reader_needs(page):
    for text in (
        "What was simulated, and why",
        "Findings against hypotheses",
        "Stack and energy",
        "Profiles over time",
        "Voltage and light",
        "Films and lead",
        "Lamella",
        "HAADF image",
        "Diffraction and strain",
        "Comparison",
        "Conservation",
        "Parameters by standing",
        "What cannot be claimed",
        "How to cite",
        "Hypothesis shown:</b> Their sum",
        "@misc{icsd_97851",
    ):
        assert text in page


def test_every_cell_of_the_centre_table_is_on_the_page(page):
    table = findings_table(factories.results())
    start = page.index('id="findings"')
    section = page[start : page.index('id="depth"')]
    cells = re.findall(r'<td class="n[^"]*">([^<]*)</td>', section)
    assert cells == [shown(value) for row in table.values for value in row]


def test_what_is_missing_is_said(page):
    assert "Not in this run: no lamella was built" in page
    assert "Missing: the measured image of SrTiO₃" in page


def test_text_from_model_files_is_escaped(tmp_path):
    runs = {"field_drift": factories.result("field_drift")}
    study = load_study("nanoled_like")
    study = study.replace(
        description="<script>alert(1)</script>",
        shown="field_drift",
        hypotheses=study.hypotheses[:1],
        windows=(),
        scan=None,
        image=None,
    )
    text = write_report(study, tmp_path, runs, findings_table(runs)).read_text(encoding="utf-8")
    assert "<script>" not in text and "&lt;script&gt;" in text


def test_rows_of_the_tables():
    runs = factories.results()
    rows = conservation(runs)
    assert {row["name"] for row in rows} >= {"element Cl", "charge: electrons, holes, ions"}
    assert all(len(row["values"]) == len(runs) for row in rows)
    assert [row["bar"] for row in rows if row["name"] == "element Cl"] == ["1e-10"]
    assert [row["bar"] for row in rows if row["name"].startswith("current,")] == ["1e-06 + rounding floor"]
    assert reactions(runs["field_drift"]) == []
    assert {row["hypothesis"] for row in reactions(runs["sum"])} == {"oxidised halogen", "corrosion couple"}
    device = runs["sum"].device
    assert sum(standing(device).values()) == len(list(device.parameters()))
    assert {status: len(rows) for status, rows in parameters(device).items()} == standing(device)
    assert outcome(runs["field_drift"])["T50"] == "not reached"
    dark = factories.result("field_drift", current=0.0)
    assert outcome(dark)["T50"] == "no reference" and outcome(dark)["faradaic share"] == "undefined"
    assert steps(dark.protocol) == [
        "constant current, current density 10 mA/cm^2, stop voltage above 8 V, compliance 12 V, for 1 h"
    ]


def test_the_chain_in_one_figure_draws_what_it_is_given():
    from perovsim.atoms import build_lamella

    run, random = factories.result("sum"), np.random.default_rng(1)
    window = {"around": "emitter|etl", "width": "2 nm", "thickness": "2 nm", "height": "1.2 nm"}
    lamella = build_lamella(run, time="1 h", seed=1, **window)
    image = SimpleNamespace(counts=random.poisson(3, (9, 9)), expectation=random.random((9, 9)), pixel=0.1e-9)
    line = SimpleNamespace(positions=np.linspace(0, 2e-9, 5)[:, None], patterns=1 + random.random((5, 7, 7)))
    profile = {"x": [1e-9], "strain": [0.01], "error": [0.001], "x_atoms": [1e-9, 2e-9], "strain_atoms": [0.01, 0.02]}
    figure = chain_figure(run, lamella, image, {"pristine": line, "aged": line}, {"aged": profile})
    titles = [axes.get_title(loc="left")[:1] for axes in figure.axes]
    assert [title for title in titles if title] == list("123456")
    assert_allclose(figure.axes[0].get_lines()[0].get_ydata(), run.terminals["V"], rtol=1e-15)
    assert_allclose(figure.axes[-1].get_lines()[0].get_ydata(), [1.0], rtol=1e-12)  # percent
    shown = [axes.images[0].get_array() for axes in figure.axes if axes.images]
    assert_allclose(shown[0], image.counts)
    assert_allclose(shown[2], np.log10(line.patterns[0] / line.patterns[0].max()), rtol=1e-12)
    assert "corrosion couple + oxidised halogen" in figure.texts[0].get_text()
