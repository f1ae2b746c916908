"""EDX: cross-sections, absorption, counting statistics, overlaps, quantification."""

import dataclasses

import numpy as np
import pytest
from microscopy_synthetic import pure_lamella, small_lamella
from numpy.testing import assert_allclose

from perovsim.errors import MeasurementError, PerovsimError
from perovsim.microscopy import edx_map, load_spectra
from perovsim.microscopy.waves.illumination import illuminated, probe_width
from perovsim.microscopy.xray.edx_model import SpectrumModel
from perovsim.microscopy.xray.spectra import Spectra
from perovsim.microscopy.xray.xray_lines import attenuation, lines_of
from perovsim.model import load_microscope
from perovsim.physics.ionisation import OCCUPANCY, ShellFit, bote_salvat, casnati, kramers, shells_of

ENERGY = 300e3
ELEMENTS = ("Al", "Cl", "Br", "Cs", "Pb")
PEROVSKITE = np.array([0.0, 1.0, 2.0, 1.0, 1.0])


@pytest.fixture(scope="module")
def tool():
    return load_microscope("stem_300kv")


@pytest.fixture(scope="module")
def model(tool):
    return SpectrumModel(tool.edx, ENERGY, ELEMENTS, "bote2009")


def spectra_of(layer, model, tool, count, seed, electrons=1e9):
    """Many Poisson spectra of one uniform slab, as measured ones."""
    import xarray as xr

    from perovsim.microscopy.xray.edx import DETECTOR

    expected = electrons * model.expected(layer[None])
    counts = np.random.default_rng(seed).poisson(np.tile(expected, (count, 1)))
    data = {"counts": (("position", "channel"), counts)}
    coords = {"x": ("position", np.arange(count) * 1e-9), "y": ("position", np.zeros(count))}
    attrs = {name: float(getattr(tool.edx, name)) for name in DETECTOR}
    attrs |= {"energy": ENERGY, "electrons_per_pattern": electrons, "elements": " ".join(model.elements)}
    return Spectra(xr.Dataset(data, {**coords, "energy": ("channel", model.channels)}, attrs))


@pytest.mark.parametrize(
    ("energy", "expected", "edge", "high", "low"),
    [
        # values of the authors' own program xion.f in cm^2: Mg L3, Mg L3, Ho K
        (12956.9, 1.24124e-18, 56.2345, (1.01, 2.77e-5, 0.00753, 9.28, -0.0401, 0.0289), ()),
        (5.78762e6, 1.30393e-19, 56.2345, (1.01, 2.77e-5, 0.00753, 9.28, -0.0401, 0.0289), ()),
        (163117.0, 1.36404e-23, 55707.0, (), (0.000464, 3.06e-5, -0.00064, 0.0017, -0.00373)),
    ],
)
def test_formula_of_bote_gives_the_numbers_of_its_authors(energy, expected, edge, high, low):
    assert_allclose(bote_salvat(energy, ShellFit(edge, high, low)) * 1e4, expected, rtol=0.003)


@pytest.mark.parametrize("element", ["C", "Al", "Cl", "Br", "In", "Cs", "Pb"])
def test_both_branches_of_the_fit_meet(element):
    """A digit wrong in the table would part them: they are separate fits of the same calculation."""
    for fit in shells_of(element).values():
        below, above = (bote_salvat(16 * fit.edge * (1 + shift), fit) for shift in (-1e-9, 1e-9))
        assert_allclose(above, below, rtol=0.01)


def test_second_set_of_cross_sections_agrees_within_what_powell_states():
    """Casnati: typically 10 % for K shells; here K and the strong L and M shells within 15 %."""
    for element, shell in (("Al", "K"), ("Cl", "K"), ("Br", "K"), ("Cs", "L3"), ("Pb", "L3"), ("Pb", "M5")):
        fit = shells_of(element)[shell]
        ratio = casnati(ENERGY, fit.edge, OCCUPANCY[shell]) / bote_salvat(ENERGY, fit)
        assert 0.85 < ratio < 1.15
    assert casnati(1000.0, 1549.9, 2) == 0.0


def test_bethe_limit_of_light_shells():
    """sigma ~ [ln(2 m c^2 beta^2 gamma^2/I) - beta^2]/beta^2: Al K falls to 0.851 of itself from 200 to 300 keV."""
    fit = shells_of("Al")["K"]
    assert_allclose(bote_salvat(3e5, fit) / bote_salvat(2e5, fit), 0.851, rtol=0.015)


def test_line_cross_section_is_vacancies_times_yield_times_branching():
    import xraydb

    lines = {line.name: line for line in lines_of("Al", ENERGY, 1e3, 2e3, "bote2009")}
    edge, line = xraydb.xray_edges("Al")["K"], xraydb.xray_lines("Al")["Ka1"]
    expected = bote_salvat(ENERGY, shells_of("Al")["K"]) * edge.fyield * line.intensity
    assert_allclose(lines["Ka1"].section, expected, rtol=1e-12)


def test_coster_kronig_moves_vacancies_outwards():
    """Pb L3 collects F13 = 0.585 of L1 and f23 = 0.116 of L2 (table of Elam)."""
    import xraydb

    own = {s: bote_salvat(ENERGY, fit) for s, fit in shells_of("Pb").items()}
    line = next(line for line in lines_of("Pb", ENERGY, 8e3, 2e4, "bote2009") if line.name == "La1")
    per_vacancy = xraydb.xray_edges("Pb")["L3"].fyield * xraydb.xray_lines("Pb")["La1"].intensity
    assert_allclose(line.section / per_vacancy, own["L3"] + 0.58464 * own["L1"] + 0.116 * own["L2"], rtol=1e-3)


def optical_depth(slab, lines):
    """chi = sum n sigma / sin(take-off) at each line."""
    at = np.array([line.energy for line in lines])
    return sum(n * attenuation(name, at) for n, name in zip(slab, ELEMENTS, strict=True)) / np.sin(np.radians(18))


def brightness(model, lines, share):
    """Sum over the lines of cross-section, collection and a share that leaves."""
    at = np.array([line.energy for line in lines])
    return float((np.array([line.section for line in lines]) * model.collection(at) * share).sum())


@pytest.mark.parametrize("density", [1e20, 1e24])
def test_slab_follows_the_thin_slab_absorption_formula(model, density):
    """I = I0 (1 - exp(-chi))/chi with chi = mu t / sin(take-off), however the slab is cut into layers."""
    slab = density * PEROVSKITE
    layers = np.tile(slab / 40, (40, 1))
    lines = lines_of("Br", ENERGY, 11e3, 15e3, "bote2009")
    chi = optical_depth(slab, lines)
    seen = model.per_element(layers)[2, model.channels > 11e3].sum()
    assert_allclose(seen, brightness(model, lines, (1 - np.exp(-chi)) / chi), rtol=1e-4)
    assert_allclose(model.expected(layers), model.expected(slab[None]), rtol=1e-9)


def test_buried_layer_is_weakened_and_upper_one_is_not(model):
    top, below = np.array([0.0, 0, 0, 0, 1e24]), np.array([1e20, 0, 0, 0, 0])
    lines = lines_of("Al", ENERGY, 1e3, 2e3, "bote2009")
    own, over = (optical_depth(part, lines) for part in (below, top))
    above = model.per_element(np.stack([below, top]))[0].sum()
    buried = model.per_element(np.stack([top, below]))[0].sum()
    assert_allclose(above, brightness(model, lines, (1 - np.exp(-own)) / own), rtol=1e-6)
    assert_allclose(buried, brightness(model, lines, np.exp(-over) * (1 - np.exp(-own)) / own), rtol=1e-6)


def test_resolution_is_the_stated_one_at_manganese(model):
    assert_allclose(model.fwhm(5895.0), 130.0)
    # 8 ln 2 x 0.12 x 3.66 eV x (1487 - 5895) eV below 130^2
    assert_allclose(model.fwhm(1487.0), np.sqrt(130**2 - 5.545 * 0.12 * 3.66 * 4408), rtol=1e-3)
    assert_allclose(model.peak(np.array([5000.0])).sum(), 1.0, rtol=1e-9)


def test_bremsstrahlung_of_kramers():
    """16 pi/(3 sqrt 3) alpha r_e^2 = 5.61e-31 m^2; Z^2/(beta^2 k) with beta^2 = 0.6030 at 300 keV."""
    assert_allclose(kramers(1000.0, ENERGY, 82), 5.61e-31 * 82**2 / 0.6030 / 1000, rtol=0.003)
    assert kramers(4e5, ENERGY, 82) == 0.0


def test_areal_density_is_number_density_times_thickness(tool):
    lamella = pure_lamella()
    pixel = 8 * lamella.reference_cell
    names, layers, _ = illuminated(lamella, tool.mode("edx"), ENERGY, np.array([[22e-9, 0.0]]), (pixel, None))
    dense = dict(zip(names, layers[0].sum(axis=0), strict=True))
    expected = lamella.thickness / lamella.reference_cell**3
    assert_allclose([dense["Pb"], dense["Cs"], dense["Br"] / 3], expected, rtol=0.01)


def test_map_pixels_hold_every_atom_once(tool):
    lamella = small_lamella()
    edge = lamella.height / 2
    columns = np.arange(lamella.window[0] + 1e-9, lamella.window[1] - 1e-9, edge)
    at = np.array([(x, y) for x in columns for y in (0.25 * lamella.height, 0.75 * lamella.height)])
    _, squares, _ = illuminated(lamella, tool.mode("edx"), ENERGY, at, (edge, edge))
    _, strips, _ = illuminated(lamella, tool.mode("edx"), ENERGY, at[::2], (edge, None))
    assert_allclose(squares.reshape(len(columns), 2, -1).mean(axis=1), strips.reshape(len(columns), -1), rtol=1e-6)


def test_probe_width_of_a_thick_lamella_is_reeds_spreading(tool):
    """b = 7.21e5 Z/E sqrt(rho/A) t^1.5: Z 53, 4.2 atoms per 100 A^3, 400 nm: 90 % diameter 59 nm; s^2 is a quarter."""
    beam = tool.mode("edx").replace(semiangle="5 mrad", source_size="0 m")
    diameter = 7.21e5 * 53 / 3e5 * np.sqrt(2.5e22 / 6.022e23) * (400e-7) ** 1.5 * 1e-2
    assert_allclose(probe_width(beam, ENERGY, 400e-9, 53.0, 2.5e28), diameter / 4.292 / 2, rtol=0.01)


def test_noiseless_fit_returns_the_densities(model, tool):
    layer = 1e20 * np.array([3.0, 1.0, 2.0, 1.0, 1.0])
    spectra = spectra_of(layer, model, tool, 1, 0)
    exact = 1e9 * model.expected(layer[None])
    spectra.dataset["counts"] = (("position", "channel"), exact[None])
    found = spectra.quantify()
    assert_allclose(found.areal_density[0], layer, rtol=1e-5)
    assert_allclose(found.deviance, 0.0, atol=1e-8)


@pytest.fixture(scope="module")
def pure(model, tool):
    """Densities and quantification of 150 spectra of CsPbBr3."""
    layer = 2e20 * np.array([0.0, 0.0, 3.0, 1.0, 1.0])
    return layer, spectra_of(layer, model, tool, 150, 3).quantify()


def test_aluminium_is_told_from_bromine_and_chlorine_from_lead(pure, model, tool):
    """Br L lies on Al K and Pb M on Cl K: CsPbBr3 alone must show neither, and a little of both must be found."""
    layer, found = pure
    mean = found.areal_density.mean(axis=0)
    sigma = found.standard_error.mean(axis=0) / np.sqrt(len(found.x))
    assert np.all(np.abs(mean - layer)[:2] < 4 * sigma[:2])
    added = layer + 1e20 * np.array([1.0, 1.0, 0, 0, 0])
    mixed = spectra_of(added, model, tool, 40, 4).quantify()
    error = mixed.standard_error.mean(axis=0) / np.sqrt(40)
    assert np.all(np.abs(mixed.areal_density.mean(axis=0) - added) < 4 * error)
    assert np.all(mixed.areal_density.mean(axis=0)[:2] > 4 * error[:2])


def test_standard_errors_cover_the_scatter(pure):
    """z of 150 spectra: standard deviation 1 +- 4/sqrt(300)."""
    layer, found = pure
    z = (found.areal_density - layer) / found.standard_error
    assert_allclose(z.std(axis=0), 1.0, atol=4 / np.sqrt(300))
    share, sigma = found.fraction("Br", ("Br", "Pb"))
    assert_allclose((share - 0.75).std() / sigma.mean(), 1.0, atol=4 / np.sqrt(300))


def test_difference_of_the_sets_is_printed_as_the_systematic_error(tool):
    """Where no other line lies over it, aluminium changes as its K cross-section does."""
    two = SpectrumModel(tool.edx, ENERGY, ("Al", "Cl"), "bote2009")
    found = spectra_of(1e21 * np.array([2.0, 1.0]), two, tool, 2, 7).quantify()
    fit = shells_of("Al")["K"]
    expected = bote_salvat(ENERGY, fit) / casnati(ENERGY, fit.edge, 2) - 1
    assert_allclose(found.systematic[0], expected, atol=0.01)
    assert f"{100 * found.systematic[0]:+.1f} %" in found.table()
    assert "casnati1982 against bote2009" in found.table()


def test_counts_are_poisson_of_the_expectation_and_repeat_with_the_seed(tool):
    one, two, other = (edx_map(small_lamella(), tool, step="1 nm", seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(one.counts, two.counts)
    assert not np.array_equal(one.counts, other.counts)
    total = one.expectation.sum()
    assert abs(one.counts.sum() - total) < 5 * np.sqrt(total)
    assert one.attrs["dose"] == pytest.approx(1e9 / (1e-9 * small_lamella().height))
    assert one.attrs["electrons_per_pattern"] == 1e9
    assert set(one.elements) >= {"Cl", "Br", "Cs", "Pb", "C", "N", "H"}


def test_simulated_line_is_quantified_back(tool):
    beam = tool.mode("edx").replace(electrons_per_pattern=1e11)
    modes = (*(mode for mode in tool.modes if mode.name != "edx"), beam)
    spectra = edx_map(small_lamella(), tool.replace(modes=modes), step="1 nm")
    found = spectra.quantify()
    columns = [spectra.elements.index(name) for name in found.elements]
    z = (found.areal_density - spectra.dataset["areal_density"].values[:, columns]) / found.standard_error
    assert np.abs(z).max() < 4.5


def test_spectra_survive_the_disk(tmp_path, tool):
    spectra = edx_map(small_lamella(), tool, positions=[39e-9, 40e-9])
    again = load_spectra(spectra.save(tmp_path / "edx.zarr"))
    assert np.array_equal(again.counts, spectra.counts)
    assert again.attrs["sections"] == "bote2009"
    with pytest.raises(MeasurementError, match="expected 'perovsim-scan/1'"):
        from perovsim.microscopy import load_scan

        load_scan(tmp_path / "edx.zarr")


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ({"step": "1 um"}, "wider than the window"),
        ({"step": -1.0}, "must be positive"),
        ({"positions": [0.0]}, "outside the window"),
        ({"positions": [[0.0, 0.0, 0.0]]}, "pairs"),
        ({"sections": "bethe"}, "known: bote2009, casnati1982"),
    ],
)
def test_bad_requests_are_refused(tool, words, text):
    with pytest.raises(PerovsimError, match=text):
        edx_map(small_lamella(), tool, **words)


def test_microscope_without_detector_and_element_without_table(tool):
    with pytest.raises(PerovsimError, match=r"no X-ray detector"):
        edx_map(small_lamella(), tool.replace(edx=None))
    with pytest.raises(PerovsimError, match="no ionisation cross-sections of Au"):
        SpectrumModel(tool.edx, ENERGY, ("Au",), "bote2009")


def test_spectra_without_their_detector_are_refused(model, tool):
    spectra = spectra_of(1e20 * PEROVSKITE, model, tool, 1, 0)
    bare = dataclasses.replace(spectra, dataset=spectra.dataset.drop_attrs())
    bare.dataset.attrs["elements"] = "Pb"
    with pytest.raises(MeasurementError, match="do not say solid_angle"):
        bare.quantify()
