"""What to cite: exactly the sources of the numbers used, as BibTeX."""

from __future__ import annotations

import factories

from perovsim.citation import bibliography, cite, sources_used


def test_every_public_source_of_the_device_is_cited_as_bibtex():
    run = factories.result("sum")
    text, entries = cite(run), bibliography()
    used = sources_used(run.device)
    public = [key for key in used if key in entries and not key.startswith("perovsim") and key != "literature_range"]
    assert "ermolaev2023" in public
    for key in public:
        assert entries[key] in text
    assert text.count("{") == text.count("}")


def test_sources_that_are_not_used_are_not_cited():
    run = factories.result("sum")
    unused = set(bibliography()) - set(sources_used(run.device))
    text = cite(run)
    for key in unused:
        assert f"{{{key}," not in text


def test_own_choices_are_counted_and_not_cited():
    run = factories.result("sum")
    own = sum(
        count
        for key, count in sources_used(run.device).items()
        if key == "user" or key.startswith("perovsim") or key == "literature_range"
    )
    text = cite(run)
    assert f"{own} numbers of this run are choices" in text
    assert "@misc{perovsim_proposal" not in text


def test_a_number_of_the_user_is_counted():
    run = factories.result("sum")
    before = sources_used(run.device).get("user", 0)
    run.device = run.device.with_values({"layer.emitter.thickness": "40 nm"})
    assert sources_used(run.device)["user"] == before + 1
